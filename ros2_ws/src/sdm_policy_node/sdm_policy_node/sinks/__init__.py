"""How commands leave, one file a kind of message."""
