"""Two cameras' clouds of one scene, one of them displaced: open3d finds by how much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.board_images import pose
from helpers.contracts import small_contract
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_core.perception.static_transforms import StaticTransform, read_transforms, write_transforms
from sdm_policy_node.fusion.alignment import align, without_outliers
from sdm_policy_node.fusion.program import parser, run

pytest.importorskip("open3d", exc_type=ImportError)
ERROR = pose(Rotation.from_euler("xyz", [0.8, -0.5, 1.0], degrees=True), (0.008, -0.006, 0.004))


def scene(seed: int) -> NDArray[np.float32]:
    """A table with two boxes, their visible faces sampled anew by each camera, with 0.5 mm of noise."""
    random = np.random.default_rng(seed)
    faces = [random.uniform([0.2, -0.3, 0], [0.8, 0.3, 0], (8000, 3))]
    for (x, y), (width, depth, height) in (((0.35, -0.15), (0.1, 0.15, 0.12)), ((0.6, 0.1), (0.15, 0.1, 0.08))):
        faces += [
            random.uniform([x, y, height], [x + width, y + depth, height], (2000, 3)),
            random.uniform([x + width, y, 0], [x + width, y + depth, height], (2000, 3)),
            random.uniform([x, y, 0], [x + width, y, height], (2000, 3)),
        ]
    points = np.concatenate(faces)
    return (points + random.normal(0, 0.0005, points.shape)).astype(np.float32)


def displaced(points: NDArray[np.float32], by: NDArray[np.float64]) -> NDArray[np.float32]:
    return (points @ by[:3, :3].T + by[:3, 3]).astype(np.float32)


def test_a_displaced_camera_is_moved_back() -> None:
    found = align(displaced(scene(1), ERROR), scene(0))
    left = found.correction @ ERROR
    corners = np.array([[0.2, -0.3, 0, 1], [0.8, 0.3, 0, 1], [0.5, 0, 0.2, 1]])
    assert np.linalg.norm((corners @ left.T - corners)[:, :3], axis=1).max() < 0.002
    assert found.after_mm < found.before_mm
    assert found.overlap > 0.9


def test_points_that_float_alone_are_left_out() -> None:
    lonely = np.random.default_rng(0).uniform([0, -0.5, 0.3], [1, 0.5, 0.8], (50, 3)).astype(np.float32)
    kept = without_outliers(np.concatenate([scene(0), lonely]))
    assert np.count_nonzero(kept[:, 2] > 0.29) == 0
    assert len(kept) > 0.95 * len(scene(0))


def test_cameras_that_see_different_things_are_refused() -> None:
    with pytest.raises(SdmError, match="of a camera's points lie near the first one's"):
        align(displaced(scene(1), pose(Rotation.identity(), (0, 0, 0.5))), scene(0))


def test_the_file_of_poses_is_mended(tmp_path: Path) -> None:
    small_contract().save(tmp_path / "contract.yaml")
    straight = Extrinsics((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0))
    write_transforms(
        tmp_path / "cell.yaml",
        [StaticTransform("world", f"{camera}_link", straight) for camera in ("front", "left")],
    )
    np.savez(tmp_path / "scene.npz", front=scene(0), left=displaced(scene(1), ERROR))
    arguments = [str(tmp_path / "scene.npz"), "--contract", str(tmp_path / "contract.yaml")]
    arguments += ["--extrinsics", str(tmp_path / "cell.yaml"), "-o", str(tmp_path / "mended.yaml")]
    run(parser().parse_args(arguments))
    front, left = read_transforms(tmp_path / "mended.yaml")
    assert front == read_transforms(tmp_path / "cell.yaml")[0]
    expected = np.linalg.inv(ERROR) @ pose(Rotation.identity(), (0, 0, 1))
    np.testing.assert_allclose(left.pose.translation, expected[:3, 3], atol=0.012)
    (tmp_path / "scene.npz").write_bytes(b"nonsense")
    with pytest.raises(SdmError, match=r"scene\.npz: cannot be read"):
        run(parser().parse_args(arguments))
