"""Row 2: frames to observations. `observe.observe` finds the faces, `quality.measure` judges them."""
