"""The parameters of sdm-teleop."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_policy_node.parameters import parameter


@dataclass(frozen=True)
class TeleopParameters:
    """Read once, at start."""

    checkpoint: str = parameter("", "the contract to command under: contract.yaml, or a checkpoint folder")
    device: str = parameter("keyboard", "what the operator moves", choices=("keyboard", "spacemouse"))
    linear_speed: float = parameter(0.12, "at full deflection (m/s)", low=0.005, high=1.0)
    angular_speed: float = parameter(0.6, "at full deflection (rad/s)", low=0.01, high=3.0)
    key_hold_s: float = parameter(
        0.15, "a key counts as held for so long after it came last; a terminal tells of no release", low=0.03, high=1.0
    )
