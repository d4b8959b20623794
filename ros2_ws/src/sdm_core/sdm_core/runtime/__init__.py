"""From observations to a chunk: the window, the exported network, the range that it knows."""
