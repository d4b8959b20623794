"""Errors of this project. Each carries one line that names the thing, the value and the fix."""


class SdmError(Exception):
    """Base of every error that a user can cause and mend."""


class ContractError(SdmError):
    """A contract is missing, malformed, or does not match what it meets."""


class CheckpointError(SdmError):
    """A checkpoint folder is missing, incomplete or corrupt."""


class DatasetError(SdmError):
    """A dataset is missing, corrupt, or has other shapes than its contract."""


class ObservationError(SdmError):
    """An observation cannot be used: wrong encoding, empty cloud, missing joints, stale or skewed stamps."""


class StreamFault(ObservationError):
    """A sensor's message cannot be trusted; `kind` is duplicate, out_of_order, frozen, future or stale."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def harmless(self) -> bool:
        """Whether nothing is wrong but this message, which may be left out: it came already, or too late."""
        return self.kind in ("duplicate", "out_of_order")


class TaskError(SdmError):
    """A task is unknown or cannot be built here."""


class CommandError(SdmError):
    """A command or chunk has the wrong shape or kind."""
