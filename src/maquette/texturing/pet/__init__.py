"""Row 6: the texture of an animal: the photos on its head, eyes and mouth painted, fur."""
