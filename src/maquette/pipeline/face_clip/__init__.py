"""A clip of faces, told in order: watched, one head for each person, followed, drawn."""
