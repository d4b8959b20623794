"""PushT, as people demonstrated it for Diffusion Policy."""
