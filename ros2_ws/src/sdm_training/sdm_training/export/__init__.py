"""From trained weights to checkpoint folders that a robot runs."""
