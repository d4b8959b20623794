"""What a calibration is made from, in a folder: images of the board, the tool's pose for each, and the camera.

`samples.yaml` names them, `0000.png` … are the images: a calibration can be solved again, with another board or mount.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation
from sdm_core.atomic import atomic_write
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Extrinsics

_INDEX = "samples.yaml"


@dataclass(frozen=True, eq=False)
class CameraModel:
    """The optical frame's name, intrinsics k [3,3] and distortion [D] of a camera; and where its optical frame is in
    `link`, the frame that is to be placed (the optical frame itself where nothing else is known)."""

    frame: str
    k: NDArray[np.float64]
    distortion: NDArray[np.float64]
    link: str
    optical_in_link: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shot:
    """An image grey uint8[H,W] and the tool's pose [4,4] in the base frame, in m, when it was taken."""

    image: NDArray[np.uint8]
    tool_in_base: NDArray[np.float64]


@dataclass(eq=False)
class SampleFolder:
    """Grows by `add`; each sample is on disk whole before the next one."""

    path: Path
    camera: CameraModel
    base: str
    shots: list[Shot] = field(default_factory=list)

    def add(self, shot: Shot) -> None:
        """Stores a sample."""
        buffer = io.BytesIO()
        Image.fromarray(shot.image).save(buffer, "PNG")
        atomic_write(self.image(len(self.shots)), buffer.getvalue())
        self.shots.append(shot)
        camera = self.camera
        document = {
            "camera": {
                "frame": camera.frame,
                "k": camera.k.ravel().tolist(),
                "distortion": camera.distortion.tolist(),
                "link": camera.link,
                "optical_in_link": _numbers(camera.optical_in_link),
            },
            "base": self.base,
            "tool_in_base": [_numbers(each.tool_in_base) for each in self.shots],
        }
        text = yaml.safe_dump(document, sort_keys=False, width=120, default_flow_style=None)
        atomic_write(self.path / _INDEX, text.encode())

    def image(self, index: int) -> Path:
        """The file of a sample's image."""
        return self.path / f"{index:04d}.png"

    @staticmethod
    def begun(path: Path) -> bool:
        """Whether the folder holds a sample."""
        return (path / _INDEX).exists()

    @classmethod
    def load(cls, path: Path) -> SampleFolder:
        """Raises SdmError where the folder holds no samples, or not whole ones."""
        try:
            document = yaml.safe_load((path / _INDEX).read_text())
            camera, poses = document["camera"], document["tool_in_base"]
            model = CameraModel(
                camera["frame"],
                np.array(camera["k"], np.float64).reshape(3, 3),
                np.array(camera["distortion"], np.float64),
                camera["link"],
                pose_matrix(camera["optical_in_link"]),
            )
            folder = cls(path, model, document["base"])
            for index, pose in enumerate(poses):
                with Image.open(folder.image(index)) as image:
                    folder.shots.append(Shot(np.asarray(image.convert("L")), pose_matrix(pose)))
        except OSError as error:
            raise SdmError(f"{error.filename or path}: {error.strerror or error}; collect samples first") from None
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
            raise SdmError(f"{path / _INDEX}: malformed ({error}); collect the samples anew") from None
        return folder


def pose_matrix(numbers: Any) -> NDArray[np.float64]:
    """[4,4] of x, y, z (m) and a quaternion x, y, z, w. Raises ValueError unless there are seven numbers."""
    x, y, z, *xyzw = (float(number) for number in numbers)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.from_quat(xyzw).as_matrix(), (x, y, z)
    return pose


def as_extrinsics(pose: NDArray[np.float64]) -> Extrinsics:
    """The same pose as quaternion and translation."""
    x, y, z, *xyzw = _numbers(pose)
    qx, qy, qz, qw = xyzw
    return Extrinsics((qx, qy, qz, qw), (x, y, z))


def _numbers(pose: NDArray[np.float64]) -> list[float]:
    return [*pose[:3, 3].tolist(), *Rotation.from_matrix(pose[:3, :3]).as_quat().tolist()]
