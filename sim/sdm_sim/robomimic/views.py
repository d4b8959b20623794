"""What of each Robomimic task the cloud keeps, of what its camera sees: robosuite's `agentview`, as in the datasets.

The world's z = 0 is the floor. Bins and marks that robosuite draws translucent are as solid to the depth camera as the
rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from sdm_core.contract import CloudSpec

Vector3 = tuple[float, float, float]

CAMERA, IMAGE_SIZE = "agentview", 128
EE = ("ee.x", "ee.y", "ee.z")


@dataclass(frozen=True)
class View:
    """The crop box in the world, in m; the cloud is centred on the hand, where there is but one."""

    crop_low: Vector3
    crop_high: Vector3
    centred: bool = True

    def cloud(self) -> CloudSpec:
        """The cloud of this view."""
        box = {"frame": "world", "crop_low": self.crop_low, "crop_high": self.crop_high}
        return CloudSpec(**box, centre=EE, scale=0.3) if self.centred else CloudSpec(**box)


# From just above the tables, whose own points say nothing, to below the arm.
VIEWS = {
    "lift": View((-0.35, -0.35, 0.804), (0.35, 0.35, 1.15)),
    "can": View((-0.12, -0.52, 0.824), (0.32, 0.55, 1.2)),
    "square": View((-0.35, -0.35, 0.824), (0.35, 0.35, 1.2)),
    "tool-hang": View((-0.35, -0.4, 0.804), (0.35, 0.35, 1.2)),
    "transport": View((-0.4, -1.0, 0.804), (0.4, 1.0, 1.3), centred=False),
}
