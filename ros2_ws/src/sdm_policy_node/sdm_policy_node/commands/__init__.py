"""`command_node`: chunks become checked commands, at the controller's rate."""
