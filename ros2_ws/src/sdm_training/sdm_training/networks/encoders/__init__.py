"""Observation encoders: (clouds, states) → condition vector; one file an architecture."""
