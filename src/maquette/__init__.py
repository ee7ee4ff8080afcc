"""maquette."""
