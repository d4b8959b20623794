"""Torch side of the project: networks, diffusion teachers, one-step students, evaluation and export."""
