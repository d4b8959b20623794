"""Names of parameters that a node was given and that nobody declares: ROS drops them without a word."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

from sdm_core.errors import SdmError

# From this likeness on (difflib's) a name is a slip of another: `workspace_lo`, and not `home`.
_ALIKE = 0.7
# What ROS declares by itself, later or not on every distribution.
_ROS = ("use_sim_time", "start_type_description_service")
_ROS_PREFIXES = ("qos_overrides.", "diagnostic_updater.")
# Of other packages' nodes, and no slips of the names that they resemble.
_ELSEWHERE = (
    "answer_timeout_s", "camera_name", "camera_namespace", "checkpoints", "chunk_timeout_s", "deadman_timeout_s",
    "heartbeat_timeout_s", "seed0", "startup_timeout_s", "startup_wait_s", "state_timeout_s", "tf_timeout_s",
)  # fmt: skip


def refuse_misspelt(
    node: str,
    given: Iterable[str],
    own: Collection[str],
    warn: Callable[[str], object],
    neighbours: Collection[str] = (),
) -> None:
    """Raises SdmError where a name that the `node` was given is a slip of one of its `own`: a protection that was meant
    to be on would be off. Any other unknown name is a warning; those of `neighbours`, which share a file with it, are
    none."""
    own, known = {*own, *_ROS}, {*own, *_ROS, *neighbours}
    for name in given:
        if name in known or name.startswith(_ROS_PREFIXES):
            continue
        near = [] if name in _ELSEWHERE else get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
        # With a dot it is a driver's that resembles ours, as align_depth.enable.
        if near and near[0] in own and "." not in name:
            raise SdmError(
                f"parameter {name}: {node} has none of this name; did you mean {near[0]}? Another node's belongs under "
                "that node's name, not under /**"
            )
        warn(f"parameter '{name}' is none that {node} knows; it has no effect on it")
