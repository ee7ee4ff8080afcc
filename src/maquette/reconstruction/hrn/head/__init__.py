"""HRN's head reconstruction: a whole head, fitted to one photo after the first network has read the face."""
