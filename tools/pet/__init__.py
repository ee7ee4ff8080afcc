"""How the pet head model is made: one mesh for all heads that the signed-distance field can draw."""
