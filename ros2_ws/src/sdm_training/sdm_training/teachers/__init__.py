"""Recipes that train a many-step policy from demonstrations; one file a recipe."""
