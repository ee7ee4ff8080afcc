"""Row 8: photographs of people who do not exist, with every label, by seed."""
