"""What hides a part of a face: other people, masks and scarves."""
