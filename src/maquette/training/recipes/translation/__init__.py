"""Training networks that turn pictures of animals into pictures of others."""
