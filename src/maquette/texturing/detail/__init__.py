"""Folds and wrinkles of a face, from its photos, as heights over the mesh."""
