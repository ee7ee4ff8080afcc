"""Row 2: the parametric models."""
