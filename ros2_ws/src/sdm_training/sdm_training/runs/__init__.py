"""A training run on disk: what is in its folder, who works in it, and what tells it from another."""
