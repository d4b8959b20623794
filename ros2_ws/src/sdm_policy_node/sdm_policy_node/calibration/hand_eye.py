"""Where a camera stands, from what an arm with it or before it saw of a board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation
from sdm_core.errors import SdmError

from sdm_policy_node.calibration.opencv import opencv

Mount = Literal["eye_in_hand", "eye_to_hand"]
_METHODS = ("TSAI", "PARK", "HORAUD", "DANIILIDIS")
MIN_SAMPLES = 5
# Only turns about several axes tell where the camera is; with less than this, noise does (degrees).
_MIN_TURN = 15.0
# A millimetre weighs as much as so many radians, half a metre away.
_RADIAN = 0.5


@dataclass(frozen=True, eq=False)
class Sample:
    """One posture: the tool's pose in the base frame, and the board's in the camera's optical frame, [4,4] in m."""

    tool_in_base: NDArray[np.float64]
    board_in_camera: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HandEye:
    """`camera` is the optical frame's pose [4,4] in the tool (eye in hand) or in the base (eye to hand), `board` the
    board's in the other of both. How far each sample lies from them: `errors_mm` and `errors_deg` [N]."""

    camera: NDArray[np.float64]
    board: NDArray[np.float64]
    errors_mm: NDArray[np.float64]
    errors_deg: NDArray[np.float64]


def solve_hand_eye(samples: Sequence[Sample], mount: Mount) -> HandEye:
    """The camera's pose in the hand (`eye_in_hand`: the board stands still) or in the base (`eye_to_hand`: the hand
    holds the board). The best of OpenCV's solutions, refined until the board fits best over all samples.

    Raises SdmError where the samples are too few, or turn too little.
    """
    if len(samples) < MIN_SAMPLES:
        raise SdmError(f"{len(samples)} samples are too few; take {MIN_SAMPLES} at least, better 15")
    # The link that moves with the arm: seen from the board's side, the hand moves in the base or the base in the hand.
    moving = [
        sample.tool_in_base if mount == "eye_in_hand" else np.linalg.inv(sample.tool_in_base) for sample in samples
    ]
    boards = [sample.board_in_camera for sample in samples]
    _require_turns(moving)
    guesses = [_opencv_solution(moving, boards, method) for method in _METHODS]
    best = min(
        (_refined(moving, boards, guess) for guess in guesses if np.isfinite(guess).all()),
        key=lambda found: np.hypot(found.errors_mm, found.errors_deg).mean(),
        default=None,
    )
    if best is None:
        raise SdmError("the samples contradict each other; check the board's size and that it did not slip")
    return best


def _require_turns(moving: Sequence[NDArray]) -> None:
    """At least two axes must be turned about: a second direction of rotation, well beyond noise."""
    turns = np.array([Rotation.from_matrix(moving[0][:3, :3].T @ pose[:3, :3]).as_rotvec() for pose in moving[1:]])
    spread = np.degrees(np.linalg.svd(turns, compute_uv=False)[1] / np.sqrt(len(turns)))
    if spread < _MIN_TURN / 3:
        raise SdmError(
            f"the hand turned about one axis only (about a second one {spread:.1f}° on average); "
            f"tilt it by {_MIN_TURN:.0f}° and more about several"
        )


def _opencv_solution(moving: Sequence[NDArray], boards: Sequence[NDArray], method: str) -> NDArray[np.float64]:
    cv2 = opencv()
    rotation, translation = cv2.calibrateHandEye(
        [pose[:3, :3] for pose in moving],
        [pose[:3, 3] for pose in moving],
        [pose[:3, :3] for pose in boards],
        [pose[:3, 3] for pose in boards],
        method=getattr(cv2, f"CALIB_HAND_EYE_{method}"),
    )
    return _pose(rotation, translation.ravel())


def _refined(moving: Sequence[NDArray], boards: Sequence[NDArray], camera: NDArray) -> HandEye:
    """Camera and board moved until the board's pose fits best over all samples."""
    seen = np.array([first @ camera @ second for first, second in zip(moving, boards, strict=True)])
    board = _pose(Rotation.from_matrix(seen[:, :3, :3]).mean().as_matrix(), np.median(seen[:, :3, 3], axis=0))

    def left_over(values: NDArray) -> NDArray:
        return _differences(moving, boards, camera @ _small(values[:6]), board @ _small(values[6:])).ravel()

    solution = least_squares(left_over, np.zeros(12), loss="soft_l1", f_scale=0.002)
    camera, board = camera @ _small(solution.x[:6]), board @ _small(solution.x[6:])
    left = _differences(moving, boards, camera, board)
    return HandEye(
        camera,
        board,
        errors_mm=np.linalg.norm(left[:, :3], axis=1) * 1000,
        errors_deg=np.degrees(np.linalg.norm(left[:, 3:], axis=1) / _RADIAN),
    )


def _differences(
    moving: Sequence[NDArray], boards: Sequence[NDArray], camera: NDArray, board: NDArray
) -> NDArray[np.float64]:
    """How far [N,6] the board as each sample saw it lies from where it is: m, and rad of `_RADIAN` m."""
    wrong = np.linalg.inv(board) @ np.stack(moving) @ camera @ np.stack(boards)
    turns = Rotation.from_matrix(wrong[:, :3, :3]).as_rotvec()
    return np.concatenate([wrong[:, :3, 3], turns * _RADIAN], axis=1)


def _small(values: NDArray) -> NDArray[np.float64]:
    return _pose(Rotation.from_rotvec(values[3:]).as_matrix(), values[:3])


def _pose(rotation: NDArray, translation: NDArray) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    return pose
