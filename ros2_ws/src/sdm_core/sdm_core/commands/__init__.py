"""From a chunk to commands that a robot may be given: spaces, splicing, smoothing, limits, the gate."""
