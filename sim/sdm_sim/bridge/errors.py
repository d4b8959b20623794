"""Why a bridge stops."""

from sdm_core.errors import SdmError


class BridgeError(SdmError):
    """A node that the bridge depends on is missing, inactive or silent."""


class Interrupted(Exception):
    """The ROS context was shut down (Ctrl-C, SIGTERM) while something was awaited."""
