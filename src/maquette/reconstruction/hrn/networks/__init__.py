"""The published networks of HRN at their sizes, with the keys of their files."""
