"""Row 9: the honest scale: distances between shapes, benchmark protocols, parity, tables and curves."""
