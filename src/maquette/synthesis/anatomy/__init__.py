"""Shapes and poses of heads and bodies that do not exist."""
