"""Row 2: files to frames."""
