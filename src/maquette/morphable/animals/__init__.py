"""Row 3: whole animals: a rigged body, how it can stand, and how it is built."""
