"""Fitting the morphable head to photos: landmarks first, then shading."""
