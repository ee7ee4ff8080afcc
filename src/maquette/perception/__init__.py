"""Row 2: frames to observations."""
