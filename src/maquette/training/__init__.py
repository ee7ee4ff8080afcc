"""Row 10: teach networks: one loop on Lightning Fabric, and recipes that say what it is fed and what it is to learn."""
