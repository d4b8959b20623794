"""sdm-crop: a picture of the cloud that a crop box leaves, and a box that suits the table."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sdm_core.atomic import atomic_write
from sdm_core.checkpoint import contract_at
from sdm_core.contract import CloudSpec
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import farthest_point_sample

from sdm_policy_node.crop.box import Box, find_table, suggest
from sdm_policy_node.crop.picture import draw
from sdm_policy_node.tool_node import add_camera_namespace, split_arguments, tool_node

# A table that is tilted by more shows a wrong calibration.
_MAX_TILT = 1.0
_DATASET_ROWS = 50


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-crop",
        description="Shows what a contract's crop box keeps of what the cameras see, from above and from both sides, "
        "and prints a box over the table as the contract's lines. Of a dataset, only what it kept can be shown. After "
        "--ros-args topics are remapped.",
    )
    made.add_argument(
        "source", help="a contract.yaml or checkpoint, to look through its live cameras; or a .zarr dataset"
    )
    made.add_argument("-o", "--output", type=Path, default=Path("crop.png"), help="the picture (.png) to write")
    made.add_argument("--observation-source", choices=("depth", "points"), default="depth", help="as of policy_node")
    add_camera_namespace(made)
    made.add_argument("--extrinsics", default="", help="file of sdm-calibrate; else tf tells where the cameras are")
    made.add_argument("--save", type=Path, help="keep what each camera saw in this .npz, for sdm-align")
    made.add_argument("--timeout", type=float, default=10.0, help="longest wait for the cameras (s)")
    return made


def run(options: argparse.Namespace, ros_arguments: Sequence[str] = ()) -> Box | None:
    """Draws and prints; gives the suggested box, None of a dataset. Raises SdmError with one line where it cannot."""
    if Path(options.source).suffix == ".zarr":
        spec, cloud = _stored(Path(options.source))
        print(_summary(spec, cloud))
        draw(options.output, cloud, cloud, Box.of(spec), None, f"{options.source}: {len(cloud)} points")
        return None
    spec, cameras = _live(options, ros_arguments)
    if options.save:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **cameras)
        atomic_write(options.save, buffer.getvalue())
    points = np.concatenate(list(cameras.values()))
    box, table = Box.of(spec), find_table(points)
    suggested = suggest(points, table)
    inside = box.inside(points)
    print(_summary(spec, inside, len(points)))
    print(f"table: {table.height:.3f} m high, {table.deviation * 1000:.1f} mm of noise, tilted by {table.tilt:.1f}°")
    if table.tilt > _MAX_TILT:
        print("a table should be level in the base frame: calibrate the camera anew (sdm-calibrate)")
    print(f"suggested, with {len(suggested.inside(points))} points:\n{suggested.lines()}")
    cloud = farthest_point_sample(inside, spec.points, spec.start)[: len(inside)]
    title = f"{len(points)} points seen, {len(inside)} in the crop box, {len(cloud)} in the cloud"
    draw(options.output, points, cloud, box, suggested, title)
    print(f"picture: {options.output}")
    return suggested


def _summary(spec: CloudSpec, inside: NDArray, seen: int | None = None) -> str:
    of = "" if seen is None else f" of {seen}"
    return f"crop box of '{spec.frame}': {len(inside)}{of} points, {spec.points} wanted\n{Box.of(spec).lines()}"


def _stored(path: Path) -> tuple[CloudSpec, NDArray[np.float32]]:
    """The points of some clouds of a dataset, without what fills them up."""
    store = EpisodeStore.view(path)
    spec = store.contract.observation.cloud
    if spec is None or not len(store):
        raise SdmError(f"{path}: holds no clouds; record some")
    clouds = store.read("point_cloud")
    rows = np.unique(np.linspace(0, len(clouds) - 1, _DATASET_ROWS).astype(int))
    points = clouds[rows, :, :3].reshape(-1, 3)
    return spec, points[points.any(axis=1)]


def _live(
    options: argparse.Namespace, ros_arguments: Sequence[str]
) -> tuple[CloudSpec, dict[str, NDArray[np.float32]]]:
    from sdm_policy_node.crop.live_scene import live_points

    contract = contract_at(options.source)
    with tool_node("crop", ros_arguments) as node:
        cameras = live_points(
            node,
            contract,
            options.observation_source,
            options.extrinsics,
            options.timeout,
            namespace=options.camera_namespace,
        )
    assert contract.observation.cloud is not None
    return contract.observation.cloud, cameras


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    own, ros_arguments = split_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        run(parser().parse_args(own), ros_arguments)
    except SdmError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
