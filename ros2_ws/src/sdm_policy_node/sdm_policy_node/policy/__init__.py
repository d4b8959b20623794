"""`policy_node`: observations become chunks."""
