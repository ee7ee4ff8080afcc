"""Recipes of what is read of an animal's head beyond its landmarks."""
