"""A person whose head is made from the photo: its fit, its colours, its place on the skeleton."""
