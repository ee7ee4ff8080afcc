"""The texture of a head: photos baked and blended, the rest filled, eyes and mouth painted."""
