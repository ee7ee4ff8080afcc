"""Row 12: the command line, one short file per command."""
