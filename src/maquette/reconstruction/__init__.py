"""Row 3: observations to reconstructions, one folder per method."""
