"""What a result says of itself in numbers and plain words."""
