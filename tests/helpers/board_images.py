"""Pictures of a calibration board from known poses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

WIDTH, HEIGHT = 640, 480
K = np.array([[610.0, 0.0, 321.3], [0.0, 612.0, 238.6], [0.0, 0.0, 1.0]])
_SUPERSAMPLING = 2
_TEXTURE_PER_M = 3000.0


def checkerboard_texture(columns: int, rows: int, square: float) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """A board of so many inner corners with a white margin, and where (m) its origin, the first inner corner, lies."""
    side = round(square * _TEXTURE_PER_M)
    row, column = np.indices(((rows + 1), (columns + 1)))
    squares = np.where((row + column) % 2 == 0, 20, 235).astype(np.uint8)
    board = np.kron(squares, np.ones((side, side), np.uint8))
    return np.pad(board, side, constant_values=235), (2 * square, 2 * square)


def marker_texture(board: Any, marker: float) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """A grid board of OpenCV's with a margin of a marker, and where (m) its origin lies."""
    size = np.array(board.getRightBottomCorner())[:2]
    margin = round(marker * _TEXTURE_PER_M)
    pixels = tuple(np.rint(size * _TEXTURE_PER_M).astype(int) + 2 * margin)
    return np.asarray(board.generateImage(pixels, marginSize=margin, borderBits=1), np.uint8), (marker, marker)


def photograph(
    texture: NDArray[np.uint8], origin: tuple[float, float], board_in_camera: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The grey image uint8[H,W] of a board at this pose, on a grey wall."""
    import cv2

    scale = np.diag([_SUPERSAMPLING, _SUPERSAMPLING, 1.0])
    # The centre of pixel (0, 0) is its coordinate, in the texture as in the image.
    scale[:2, 2] = (_SUPERSAMPLING - 1) / 2
    texture_to_board = np.array(
        [
            [1 / _TEXTURE_PER_M, 0, 0.5 / _TEXTURE_PER_M - origin[0]],
            [0, 1 / _TEXTURE_PER_M, 0.5 / _TEXTURE_PER_M - origin[1]],
            [0, 0, 1],
        ]
    )
    plane = board_in_camera[:3, [0, 1, 3]]
    size = (WIDTH * _SUPERSAMPLING, HEIGHT * _SUPERSAMPLING)
    large = cv2.warpPerspective(
        texture, scale @ K @ plane @ texture_to_board, size, flags=cv2.INTER_LINEAR, borderValue=110.0
    )
    return np.asarray(cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def pose(rotation: Rotation, translation: tuple[float, float, float] | NDArray) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation.as_matrix(), translation
    return matrix


def postures(count: int, centre: NDArray[np.float64], seed: int = 0) -> list[NDArray[np.float64]]:
    """Poses of a board in the camera's optical frame: its `centre` (m, on the board) before the lens, tilted each time
    another way."""
    random, made = np.random.default_rng(seed), []
    for _ in range(count):
        tilt = Rotation.from_rotvec([*np.radians(random.uniform(-30, 30, 2)), np.radians(random.uniform(-25, 25))])
        place = np.array([*random.uniform(-0.05, 0.05, 2), random.uniform(0.5, 0.65)])
        made.append(pose(tilt, place - tilt.apply(centre)))
    return made
