"""The Adroit hand's four tasks."""
