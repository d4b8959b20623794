"""Observation encoders and denoisers; one file an architecture."""
