"""The skin once photo and fill are in the texture: closed lids, folds of an expression, relief."""
