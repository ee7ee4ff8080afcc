"""What skin, eyes and mouths look like."""
