"""What recipes learn from: shards of synthetic examples, and batches of them in a seeded order."""
