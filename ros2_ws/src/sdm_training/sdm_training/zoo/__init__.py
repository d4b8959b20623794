"""Every policy that was trained, described well enough to be rebuilt and recognised: one JSON line each."""
