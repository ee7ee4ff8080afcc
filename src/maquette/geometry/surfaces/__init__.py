"""Volumes and fields to closed surfaces, and distances to them."""
