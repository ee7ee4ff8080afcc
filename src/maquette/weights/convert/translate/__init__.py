"""Published networks of `maquette translate`: StarGAN v2 and GP-UNIT."""
