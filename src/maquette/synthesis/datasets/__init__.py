"""Photographs by number, as files and as examples to learn from."""
