"""StarGAN v2: one generator for all domains, steered by a style that is drawn or read from a reference."""
