"""How well animals are translated: are they read as the kind wanted, and do they hold their heads as before."""
