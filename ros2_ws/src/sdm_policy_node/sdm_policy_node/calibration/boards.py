"""Boards that a camera's pose is measured with: a checkerboard, or a grid of ArUco or AprilTag markers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import SdmError

from sdm_policy_node.calibration.opencv import opencv

# So many corners fix a pose well enough to be worth a sample.
_MIN_CORNERS = 8


@dataclass(frozen=True, eq=False)
class Corners:
    """What was found of a board: points [N,3] on it in m, and where they are in the image [N,2] in pixels."""

    on_board: NDArray[np.float64]
    in_image: NDArray[np.float64]


class Board(Protocol):
    """A flat thing of known size, with the origin at one corner and z out of its back (x right, y down, as seen)."""

    def find(self, grey: NDArray[np.uint8]) -> Corners | None:
        """Its corners in an image uint8[H,W]; None where too few can be seen."""
        ...


@dataclass(frozen=True)
class Checkerboard:
    """`columns` × `rows` inner corners between squares of `square` m, a dark one at the origin. One is even, the
    other odd: else the board looks the same upside down, and poses jump by half a turn."""

    columns: int
    rows: int
    square: float

    def __post_init__(self) -> None:
        if (self.columns + self.rows) % 2 == 0:
            raise SdmError(
                f"a checkerboard of {self.columns}×{self.rows} inner corners looks the same upside down; "
                "take one with an even and an odd number, such as 8×5"
            )

    def find(self, grey: NDArray[np.uint8]) -> Corners | None:
        cv2 = opencv()
        found, corners = cv2.findChessboardCornersSB(grey, (self.columns, self.rows), flags=cv2.CALIB_CB_ACCURACY)
        if not found:
            return None
        grid = corners.reshape(self.rows, self.columns, 2).astype(np.float64)
        if not _first_square_is_dark(grey, grid):
            grid = grid[::-1, ::-1]  # OpenCV began at the opposite corner
        row, column = np.divmod(np.arange(self.columns * self.rows), self.columns)
        on_board = np.stack([column, row, np.zeros_like(row)], axis=1) * self.square
        return Corners(on_board, grid.reshape(-1, 2))


@dataclass(frozen=True)
class MarkerGrid:
    """`columns` × `rows` markers of one of OpenCV's dictionaries (`DICT_APRILTAG_36h11`, `DICT_5X5_100`, …), `marker` m
    wide and `gap` m apart, numbered row by row from 0. Some of them may be hidden."""

    columns: int
    rows: int
    marker: float
    gap: float
    dictionary: str = "DICT_APRILTAG_36h11"

    def find(self, grey: NDArray[np.uint8]) -> Corners | None:
        aruco = opencv().aruco
        parameters = aruco.DetectorParameters()
        parameters.cornerRefinementMethod = aruco.CORNER_REFINE_SUBPIX
        board = aruco.GridBoard((self.columns, self.rows), self.marker, self.gap, self._dictionary())
        corners, ids, _ = aruco.ArucoDetector(self._dictionary(), parameters).detectMarkers(grey)
        if ids is None:
            return None
        on_board, in_image = board.matchImagePoints(corners, ids)
        if on_board is None or len(on_board) < _MIN_CORNERS:
            return None
        return Corners(on_board.reshape(-1, 3).astype(np.float64), in_image.reshape(-1, 2).astype(np.float64))

    def _dictionary(self):
        aruco = opencv().aruco
        names = [name for name in dir(aruco) if name.startswith("DICT_")]
        if self.dictionary not in names:
            raise SdmError(f"dictionary {self.dictionary} is unknown; {', '.join(sorted(names))} are there")
        return aruco.getPredefinedDictionary(getattr(aruco, self.dictionary))


def _first_square_is_dark(grey: NDArray[np.uint8], grid: NDArray[np.float64]) -> bool:
    """Whether the square between the first corners [R,C,2] is one of the dark ones, by all squares between corners."""
    centres = (grid[1:, 1:] + grid[1:, :-1] + grid[:-1, 1:] + grid[:-1, :-1]) / 4
    column, row = np.rint(centres).astype(int).transpose(2, 0, 1)
    shades = grey[row.clip(0, grey.shape[0] - 1), column.clip(0, grey.shape[1] - 1)]
    like_first = np.indices(shades.shape).sum(axis=0) % 2 == 0
    return bool(shades[like_first].mean() < shades[~like_first].mean())


def board_in_camera(
    corners: Corners, k: NDArray[np.float64], distortion: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The board's pose [4,4] in the camera's optical frame (m), and the mean error of its corners in pixels."""
    cv2 = opencv()
    _, rotation, translation = cv2.solvePnP(corners.on_board, corners.in_image, k, distortion, flags=cv2.SOLVEPNP_IPPE)
    rotation, translation = cv2.solvePnPRefineLM(
        corners.on_board, corners.in_image, k, distortion, rotation, translation
    )
    projected, _ = cv2.projectPoints(corners.on_board, rotation, translation, k, distortion)
    error = np.linalg.norm(projected.reshape(-1, 2) - corners.in_image, axis=1).mean()
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(rotation)[0], translation.ravel()
    return pose, float(error)
