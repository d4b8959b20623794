"""What an arm itself allows, by its manufacturer, and whether a contract stays well inside it."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_core.command_space import is_rate
from sdm_core.contract import ActionEntry, ActionSpec
from sdm_core.errors import ContractError

_TRANSLATION, _ROTATION = ("x", "y", "z", "vx", "vy", "vz"), ("qx", "qy", "qz", "qw", "wx", "wy", "wz")
_DERIVATIVES = ("velocity", "acceleration", "jerk")


@dataclass(frozen=True)
class ArmLimits:
    """Greatest velocity, acceleration and jerk (m, rad; s): of the tool, and of the joints in their order.

    What is 0, or lacks, is not known and not checked.
    """

    translation: tuple[float, ...] = (0.0, 0.0, 0.0)
    rotation: tuple[float, ...] = (0.0, 0.0, 0.0)
    joint_velocity: tuple[float, ...] = ()
    joint_acceleration: tuple[float, ...] = ()
    joint_jerk: tuple[float, ...] = ()

    def require(self, spec: ActionSpec, share: float) -> None:
        """Raises ContractError naming the first entry that is allowed more than `share` of what the arm allows."""
        joints = 0
        for entry in spec.entries:
            if entry.is_gripper:
                continue
            part = entry.name.rsplit(".", 1)[-1]
            if part in _TRANSLATION:
                allowed = self.translation
            elif part in _ROTATION:
                allowed = self.rotation
            else:
                allowed = self._joint(joints)
                joints += 1
            for what, value, most in zip(_DERIVATIVES, _asked(entry, is_rate(spec)), allowed, strict=True):
                if most and (value is None or value > share * most):
                    raise ContractError(
                        f"action {entry.name}: {what} {value} exceeds {share:g} of the {most:g} that the arm allows; "
                        "lower it in the contract"
                    )

    def _joint(self, index: int) -> tuple[float, ...]:
        limits = (self.joint_velocity, self.joint_acceleration, self.joint_jerk)
        return tuple(values[index] if index < len(values) else 0.0 for values in limits)


def _asked(entry: ActionEntry, rate: bool) -> tuple[float | None, float | None, float | None]:
    velocity = max(abs(entry.low), abs(entry.high)) if rate else entry.max_velocity
    return velocity, entry.max_acceleration, entry.max_jerk
