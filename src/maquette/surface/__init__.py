"""Row 4: reconstruction and photos to a textured mesh."""
