"""What a textured head has besides its photo: dark hollows, lashes, glasses."""
