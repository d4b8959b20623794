class CommandError(Exception):
    """A command cannot do what it was asked; its text is the one line that the user sees."""
