"""Row 1: files that were learned or built: one entry each in zoo.toml, checked before use."""
