"""Where each Adroit task is seen from, and what of it the cloud keeps."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_core.contract import CloudSpec

from sdm_sim.adroit_hand import PALM

Vector3 = tuple[float, float, float]

# MuJoCo's camera of these models that is moved to the poses below.
CAMERA, IMAGE_SIZE = "vil_camera", 128
_TABLE = 0.004  # the table's own points, z = 0 in the world, say nothing


@dataclass(frozen=True)
class View:
    """A camera's position in m and its Euler angles x, y, z in rad, about its own axes; the crop box in the world."""

    position: Vector3
    euler: Vector3
    crop_low: Vector3
    crop_high: Vector3

    def cloud(self) -> CloudSpec:
        """The cloud of this view, around the palm."""
        return CloudSpec(frame="world", crop_low=self.crop_low, crop_high=self.crop_high, centre=PALM, scale=0.3)


# Door, hammer and pen as DP3 has them. DP3 leaves relocate out: it is seen from the far side, where the palm hides
# nothing of the ball.
VIEWS = {
    "door": View((0.0, 0.0, 1.5), (0.0, 0.0, 3.14), (-0.4, -0.6, _TABLE), (0.5, 0.5, 0.65)),
    "hammer": View((0.0, 0.0, 1.1), (0.0, 0.0, 3.14), (-0.3, -0.4, _TABLE), (0.3, 0.2, 0.4)),
    "pen": View((0.0, -0.8, 0.8), (0.7854, 0.0, 0.0), (-0.2, -0.5, _TABLE), (0.3, 0.0, 0.4)),
    "relocate": View((0.0, 1.2, 0.9), (-1.1, 0.0, 3.14), (-0.6, -0.8, _TABLE), (0.6, 0.8, 0.8)),
}
