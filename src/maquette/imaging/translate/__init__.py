"""Pictures of animals' faces turned into pictures of another kind of animal. The table is in `method`."""
