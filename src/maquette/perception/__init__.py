"""Row 4: frames to observations of faces and people."""
