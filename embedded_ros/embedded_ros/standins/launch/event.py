class Event:
    """Something that happened to the launch or to one of its processes."""

    name = "launch.Event"
