"""MetaWorld's 50 tasks."""
