"""One file per recipe: its options, its data, its network and its loss; the rows are in training/recipe.py."""
