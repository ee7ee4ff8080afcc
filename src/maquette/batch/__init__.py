"""Row 11: a manifest of photos and clips to results, on processes of this computer or on a Ray cluster."""
