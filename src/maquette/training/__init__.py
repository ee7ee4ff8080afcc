"""Row 10: training of networks: one loop on Lightning Fabric, and recipes that say what goes in and what is learned."""
