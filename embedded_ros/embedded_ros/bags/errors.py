class BagError(Exception):
    """A bag cannot be read or written; the text names it, what is wrong and what to do."""
