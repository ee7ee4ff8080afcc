"""From a clip to moving people: watch, fit, draw, write. `run.reconstruct_clip` tells the story."""
