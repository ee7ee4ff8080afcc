"""Volumetric regression (VRN): a photo to a volume of occupancies, and its surface."""
