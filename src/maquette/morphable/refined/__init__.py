"""Heads once more with more triangles: the same mean, modes and units."""
