"""Row 10: the command line, one short file per command."""
