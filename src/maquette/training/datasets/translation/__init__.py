"""Pictures of animals of several kinds, for networks that turn one kind into another."""
