"""A clip of faces, in order: watched, one head for each person, followed, drawn."""
