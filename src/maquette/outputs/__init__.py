"""Row 5: results to files."""
