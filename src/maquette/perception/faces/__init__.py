"""Faces in pictures: where they are, their landmarks, masks, and how good the picture is."""
