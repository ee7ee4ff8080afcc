"""Row 5: observations to reconstructions, one folder per method."""
