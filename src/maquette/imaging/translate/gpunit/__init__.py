"""GP-UNIT: a content code that all kinds of pictures share, drawn in the style of a picture of another kind."""
