"""How steady a sequence of reconstructions is."""
