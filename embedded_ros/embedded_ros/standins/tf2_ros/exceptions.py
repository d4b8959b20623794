class TransformException(Exception):
    """A transform cannot be given."""


class LookupException(TransformException):
    """A frame is unknown."""


class ConnectivityException(TransformException):
    """Both frames are known, but no chain of transforms joins them."""


class ExtrapolationException(TransformException):
    """The chain has no data at that time."""


class InvalidArgumentException(TransformException):
    """A frame's name is empty or begins with a slash."""


class TimeoutException(TransformException):
    """A transform did not come in time."""
