"""Animals in photos: where their faces are."""
