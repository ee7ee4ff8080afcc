"""Light, camera and sensor: from a scene to pixels and labels."""
