"""sdm-align: mends where several calibrated cameras stand to each other, by what they see in common."""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sdm_core.checkpoint import contract_at
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_core.perception.static_transforms import StaticTransform, read_transforms, write_transforms

from sdm_policy_node.calibration.samples import as_extrinsics, pose_matrix
from sdm_policy_node.fusion.alignment import align


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-align",
        description="Lays what each camera saw (sdm-crop --save) over what the first one saw, and writes the file of "
        "calibrated poses anew, mended by that. Show them a scene with edges in several directions, not a bare table.",
    )
    made.add_argument("scene", type=Path, help="the .npz that sdm-crop --save wrote")
    made.add_argument("--contract", required=True, help="contract.yaml or checkpoint of the cell, for its base frame")
    made.add_argument("--extrinsics", type=Path, required=True, help="file of sdm-calibrate with the cameras' poses")
    made.add_argument("-o", "--output", type=Path, required=True, help="the mended file to write")
    return made


def run(options: argparse.Namespace) -> list[StaticTransform]:
    """Writes and gives the mended poses. Raises SdmError with one line where it cannot."""
    cloud = contract_at(options.contract).observation.cloud
    if cloud is None:
        raise SdmError(f"{options.contract}: observes no cloud")
    transforms = read_transforms(options.extrinsics)
    try:
        with np.load(options.scene) as stored:
            scene = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SdmError(f"{options.scene}: cannot be read ({error}); make it with sdm-crop --save") from None
    if len(scene) < 2:
        raise SdmError(
            f"{options.scene}: shows what {next(iter(scene), 'no camera')} saw, and two are laid over each other; "
            "make it with sdm-crop --save and a contract of several cameras with a depth_encoding"
        )
    (first, fixed), *others = scene.items()
    lines = []
    for name, moving in others:
        index = _link_of(name, transforms, cloud.frame)
        found = align(moving, fixed)
        pose = found.correction @ _matrix(transforms[index].pose)
        transforms[index] = StaticTransform(cloud.frame, transforms[index].child, as_extrinsics(pose))
        moved_mm = np.linalg.norm(found.correction[:3, 3]) * 1000
        lines.append(
            f"{name} to {first}: {found.before_mm:.2f} mm before, {found.after_mm:.2f} mm after, "
            f"{found.overlap:.0%} in common; moved by {moved_mm:.1f} mm"
        )
        print(lines[-1])
    write_transforms(options.output, transforms, "\n".join(["Mended by sdm-align.", *lines]))
    return transforms


def _link_of(camera: str, transforms: list[StaticTransform], base: str) -> int:
    """Which of the transforms places the camera: one from the base frame to a frame of the camera's name."""
    found = [
        index
        for index, transform in enumerate(transforms)
        if transform.parent == base and transform.child.startswith(f"{camera}_")
    ]
    if len(found) != 1:
        raise SdmError(f"the extrinsics place '{camera}' {len(found)} times in '{base}', one of '{camera}_…' is needed")
    return found[0]


def _matrix(pose: Extrinsics):
    return pose_matrix((*pose.translation, *pose.quaternion_xyzw))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    try:
        run(parser().parse_args(arguments))
    except SdmError as error:
        sys.exit(f"error: {error}")
