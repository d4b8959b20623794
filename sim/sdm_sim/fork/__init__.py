"""A task with two equally good ways."""
