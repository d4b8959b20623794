"""How noise and actions are related, and how a network is called in between; one file a process."""
