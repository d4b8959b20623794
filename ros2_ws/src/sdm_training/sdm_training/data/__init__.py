"""Demonstrations as in-memory training windows."""
