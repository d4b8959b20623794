"""Moving serialized messages between processes."""
