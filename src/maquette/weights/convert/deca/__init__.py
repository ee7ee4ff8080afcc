"""DECA's published checkpoints: of single frames, and of clips with their flow."""
