"""sdm-calibrate: where a camera stands, from images of a board and the arm's poses; live, or from a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sdm_core.errors import ObservationError, SdmError
from sdm_core.perception.static_transforms import StaticTransform, read_transforms, write_transforms

from sdm_policy_node.calibration.boards import Board, Checkerboard, MarkerGrid, board_in_camera
from sdm_policy_node.calibration.hand_eye import MIN_SAMPLES, HandEye, Mount, Sample, solve_hand_eye
from sdm_policy_node.calibration.samples import SampleFolder, as_extrinsics
from sdm_policy_node.tool_node import add_camera_namespace, split_arguments, tool_node

# A corner that is farther (pixels, on average) from where the pose puts it is no corner of this board.
_MAX_PIXELS = 2.0


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-calibrate",
        description="Finds where a camera stands, by hand-eye calibration, and writes it as a file that the nodes read "
        "(parameter extrinsics). With --collect, samples are taken first: move the arm, let it rest in postures that "
        "differ in tilt, and it takes one whenever the board is seen. After --ros-args topics are remapped.",
    )
    made.add_argument("folder", type=Path, help="where the samples are, or are collected")
    made.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="the YAML file to write; where it is there, the other frames that it places stay in it",
    )
    made.add_argument(
        "--mount",
        choices=("eye_to_hand", "eye_in_hand"),
        default="eye_to_hand",
        help="eye_to_hand: the camera stands, and the hand holds the board; eye_in_hand: the other way round "
        "(default: %(default)s)",
    )
    made.add_argument(
        "--board", choices=("checkerboard", "markers"), default="checkerboard", help="its kind (default: %(default)s)"
    )
    made.add_argument(
        "--size",
        default="8x5",
        help="inner corners of the checkerboard, or markers: COLUMNSxROWS (default: %(default)s)",
    )
    made.add_argument(
        "--square", type=float, default=0.03, help="width of a square, or of a marker (m; default: %(default)s)"
    )
    made.add_argument("--gap", type=float, default=0.01, help="between two markers (m; default: %(default)s)")
    made.add_argument(
        "--dictionary",
        default="DICT_APRILTAG_36h11",
        help="of the markers, as OpenCV names it (default: %(default)s)",
    )
    made.add_argument(
        "--tool-frame", default="fr3_hand_tcp", help="frame whose pose current_pose is (default: %(default)s)"
    )
    made.add_argument(
        "--collect",
        type=int,
        default=0,
        metavar="N",
        help=f"take N samples from the live topics first, {MIN_SAMPLES} at least, better 15",
    )
    made.add_argument("--camera", default="camera", help="the live camera's name (default: %(default)s)")
    add_camera_namespace(made)
    made.add_argument(
        "--link",
        default="",
        help="frame of the camera to place: the root of its driver's own frames, such as camera_link; empty, where "
        "nobody publishes those: the optical one",
    )
    return made


def run(options: argparse.Namespace, ros_arguments: Sequence[str] = ()) -> HandEye:
    """Calibrates as asked for, and writes the file. Raises SdmError with one line where it cannot."""
    board = _board(options)
    if options.collect and options.collect < MIN_SAMPLES:
        raise SdmError(f"--collect {options.collect} is too few; take {MIN_SAMPLES} at least, better 15")
    _placed(options.output)  # refused now, and not after an hour of collecting
    if options.collect:
        _collect(options, board, ros_arguments)
    folder = SampleFolder.load(options.folder)
    samples, seen, unseen = [], [], 0
    for index, shot in enumerate(folder.shots):
        corners = board.find(shot.image)
        pose, pixels = board_in_camera(corners, folder.camera.k, folder.camera.distortion) if corners else (None, 0.0)
        if pose is None or pixels > _MAX_PIXELS:
            unseen += 1
        else:
            samples.append(Sample(shot.tool_in_base, pose))
            seen.append(folder.image(index).name)
    if unseen:
        print(f"{unseen} of {len(folder.shots)} images do not show the board well, and are left out")
    mount: Mount = options.mount
    found = solve_hand_eye(samples, mount)
    parent = options.tool_frame if mount == "eye_in_hand" else folder.base
    link = found.camera @ np.linalg.inv(folder.camera.optical_in_link)
    lines = _report(found, parent, folder, seen)
    print(lines)
    own = {folder.camera.link, folder.camera.frame}  # placed both, they would be two places of one camera
    transforms = [other for other in _placed(options.output) if other.child not in own]
    transforms.append(StaticTransform(parent, folder.camera.link, as_extrinsics(link)))
    write_transforms(options.output, transforms, f"Last written by sdm-calibrate ({mount}).\n{lines}")
    print(f"{options.output} places {', '.join(transform.child for transform in transforms)}")
    return found


def _placed(output: Path) -> list[StaticTransform]:
    """What the file to write places already. Raises SdmError where it is something else, which would be lost."""
    if not output.exists():
        return []
    try:
        return read_transforms(output)
    except ObservationError as error:
        raise SdmError(f"-o {output} is there, and no file of transforms ({error}); name another file") from None


def _report(found: HandEye, parent: str, folder: SampleFolder, images: Sequence[str]) -> str:
    """What was found, and how well it fits the samples, whose `images` are named so."""
    x, y, z = found.camera[:3, 3]
    mm, degrees = found.errors_mm, found.errors_deg
    return (
        f"{folder.camera.frame} in {parent}: {x:.4f}, {y:.4f}, {z:.4f} m, of {len(mm)} samples\n"
        f"residuals of the board: {np.sqrt((mm**2).mean()):.2f} mm and {np.sqrt((degrees**2).mean()):.3f}° "
        f"(root mean square; 1–3 mm are good), {mm.max():.2f} mm and {degrees.max():.3f}° at most; "
        f"the worst is {images[int(mm.argmax())]}"
    )


def _board(options: argparse.Namespace) -> Board:
    try:
        columns, rows = (int(count) for count in options.size.split("x"))
    except ValueError:
        raise SdmError(f"--size {options.size} is not COLUMNSxROWS, such as 8x5") from None
    if options.board == "checkerboard":
        return Checkerboard(columns, rows, options.square)
    return MarkerGrid(columns, rows, options.square, options.gap, options.dictionary)


def _collect(options: argparse.Namespace, board: Board, ros_arguments: Sequence[str]) -> None:
    import rclpy

    from sdm_policy_node.calibration.collector import Collector

    def say(line: str) -> None:
        print(line, flush=True)

    with tool_node("calibration", ros_arguments) as node:
        collector = Collector(
            node, options.folder, board, options.collect, options.camera, options.link, say, options.camera_namespace
        )
        say(f"show the board to '{options.camera}', and let the arm rest in {options.collect} postures (Ctrl-C ends)")
        while not collector.done:
            rclpy.spin_once(node, timeout_sec=0.1)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. A user's error ends it with one line and status 1."""
    own, ros_arguments = split_arguments(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(own)
    try:
        run(options, ros_arguments)
    except SdmError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        begun = SampleFolder.begun(options.folder)
        sys.exit(f"interrupted; {'what was collected stays in the folder' if begun else 'nothing was collected'}")
