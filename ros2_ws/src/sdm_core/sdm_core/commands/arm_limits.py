"""What an arm itself allows, by its manufacturer, and whether a contract stays well inside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdm_core.commands.command_space import is_rate
from sdm_core.contract import ActionEntry, ActionSpec
from sdm_core.errors import ContractError

_TRANSLATION, _TURNING, _QUATERNION = ("x", "y", "z", "vx", "vy", "vz"), ("wx", "wy", "wz"), ("qx", "qy", "qz", "qw")
_DERIVATIVES = ("velocity", "acceleration", "jerk")

Limits = tuple[float, ...]


@dataclass(frozen=True)
class ArmLimits:
    """Greatest velocity, acceleration and jerk (m, rad; s): of the tool, and of the joints in their order.

    What is 0, or lacks, is not known and not checked. Raises ContractError where the tool has other than three limits.
    """

    translation: Limits = (0.0, 0.0, 0.0)
    rotation: Limits = (0.0, 0.0, 0.0)
    joint_velocity: Limits = ()
    joint_acceleration: Limits = ()
    joint_jerk: Limits = ()

    def __post_init__(self) -> None:
        for name, values in (("arm_translation", self.translation), ("arm_rotation", self.rotation)):
            if len(values) != len(_DERIVATIVES):
                raise ContractError(f"{name} has {len(values)} values; give three: {', '.join(_DERIVATIVES)}")

    def require(self, spec: ActionSpec, share: float) -> None:
        """Raises ContractError naming the first entries that are allowed more than `share` of what the arm allows.

        Axes of one vector count together: with each at its greatest the tool is up to √3 times as fast.
        """
        for entries, allowed in self._parts([entry for entry in spec.entries if not entry.is_gripper]):
            for what, value, most in zip(_DERIVATIVES, _asked(entries, is_rate(spec)), allowed, strict=True):
                if most and value > share * most:
                    raise ContractError(
                        f"action {', '.join(entry.name for entry in entries)}: {what} {value:.3g} exceeds {share:g} of "
                        f"the {most:g} that the arm allows; lower it in the contract"
                    )

    def _parts(self, entries: Sequence[ActionEntry]) -> Iterator[tuple[list[ActionEntry], Limits]]:
        """The entries that move the arm together, and what it allows them."""
        of_tool: list[ActionEntry] = []
        for names, allowed in (
            (_TRANSLATION, self.translation),
            (_TURNING, self.rotation),
            (_QUATERNION, self.rotation),
        ):
            found = [entry for entry in entries if entry.axis in names]
            of_tool += found
            if found:
                yield found, allowed
        for index, entry in enumerate(entry for entry in entries if entry not in of_tool):
            limits = (self.joint_velocity, self.joint_acceleration, self.joint_jerk)
            yield [entry], tuple(values[index] if index < len(values) else 0.0 for values in limits)


def _asked(entries: Sequence[ActionEntry], rate: bool) -> list[float]:
    """Velocity, acceleration and jerk that the entries are allowed together; infinite where one has no limit."""
    velocities = [max(abs(entry.low), abs(entry.high)) if rate else entry.max_velocity for entry in entries]
    columns = (velocities, [e.max_acceleration for e in entries], [e.max_jerk for e in entries])
    # A quaternion's limit is that of its turn, for which the smallest of its four entries stands.
    together = min if entries[0].axis in _QUATERNION else math.hypot
    return [together(*(math.inf if value is None else value for value in values)) for values in columns]
