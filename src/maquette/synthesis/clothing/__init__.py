"""Cloth over and round bodies: what people wear."""
