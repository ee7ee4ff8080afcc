"""Row 5: the solid of an animal's head from one crop and its landmarks (VRN-Guided), wrapped by the pets' model."""
