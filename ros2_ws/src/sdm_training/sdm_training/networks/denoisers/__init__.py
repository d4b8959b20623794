"""Denoisers: (noisy chunk, timestep, condition) → chunk; one file an architecture."""
