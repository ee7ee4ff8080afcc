"""Everything of one photograph put together: who, dressed how, seen from where."""
