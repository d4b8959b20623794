"""A policy: what is trained, sampled and exported, between raw observations and raw actions."""
