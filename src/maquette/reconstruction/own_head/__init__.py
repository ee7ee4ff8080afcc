"""A head of its own on a person's body: where it lies, how the whole follows the bones, how the necks are joined."""
