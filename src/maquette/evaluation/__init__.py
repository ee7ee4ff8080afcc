"""Row 7: the honest scale: distances between shapes, benchmark protocols, parity, tables and curves."""
