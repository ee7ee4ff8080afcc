"""Row 5: an animal's head from landmarks and outline: a linear model per species, fitted, then moved onto the photo."""
