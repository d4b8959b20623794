"""A user's copy of DexArt's assets, which may not be passed on: robot, objects and DexArt's notes about them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdm_core.errors import TaskError

from sdm_sim.dexart.settings import SETTINGS, Vector3

FOLDER = "SDM_DEXART_ASSETS"
_BESIDE = Path("data/dexart")
_ROBOT = Path("robot/xarm6_description/xarm6_allegro_wrist_mounted_rotate.urdf")
_ROBOT_NAME = "allegro_hand_xarm6_wrist_mounted_face_front"
# Where an object stands that DexArt has no note of.
_DEFAULT_POSITION = (0.0, 0.0, 0.1)


@dataclass(frozen=True)
class ObjectFiles:
    """One articulated object: its file, and DexArt's notes."""

    urdf: Path
    scale: float
    part_joint: str | None
    """The joint of the part to be moved; None where the object has but one."""
    left: float
    """The joint at its closed end, in rad …"""
    middle: float
    """… and where it counts as open."""
    limits: tuple[float, float] | None
    """The joint's limits in rad where DexArt sets others than the file's."""
    quiet_pair: tuple[str, ...]
    """Links that do not collide with each other."""
    position: Vector3
    """Where it stands in the world, in m."""


class Assets:
    """DexArt's folder `assets`, which holds `annotation`, `robot` and `sapien`."""

    def __init__(self) -> None:
        """Raises TaskError where there is none."""
        named = os.environ.get(FOLDER)
        self._folder = Path(named) if named else _BESIDE
        missing = [name for name in ("annotation", "robot", "sapien") if not (self._folder / name).is_dir()]
        if missing:
            raise TaskError(
                f"{self._folder}: holds no {' nor '.join(missing)} of DexArt's assets; download them as "
                f"https://github.com/Kami-code/dexart-release says, and name their folder in {FOLDER}"
            )

    @property
    def robot(self) -> Path:
        """The arm with the hand. Raises TaskError where it is missing."""
        return self._file(_ROBOT)

    def object(self, task: str, number: int) -> ObjectFiles:
        """What there is of an object of `dexart/<task>`. Raises TaskError where something is missing."""
        setting, key = SETTINGS[task], str(number)
        folder = Path("sapien", setting.folder.format(number))
        # DexArt takes laptops as they are where it has no notes of sizes and places.
        optional = task == "laptop"
        joints = {} if task == "faucet" else self._note(f"{task}_joint_annotation.json").get(key)
        if joints is None:
            raise TaskError(f"{self._folder}/annotation/{task}_joint_annotation.json: says nothing of object {key}")
        place = self._note(f"{task}_{_ROBOT_NAME}_relative_position.json", optional).get(key)
        x, y, z = _DEFAULT_POSITION if place is None else map(sum, zip(setting.base, place, strict=True))
        part, quiet_pair = None, ()
        if task == "faucet":
            part = self._switch(folder)
        elif task == "toilet":
            part, quiet_pair = self._lid(key)
        return ObjectFiles(
            urdf=self._file(folder / "mobility.urdf"),
            scale=float(self._note(f"{task}_scale.json", optional).get(key, 1.0)),
            part_joint=part,
            left=float(joints.get("left", 0.0)),
            middle=float(joints.get("middle", 0.0)),
            limits=(min(joints["min"], joints["max"]), max(joints["min"], joints["max"])) if "min" in joints else None,
            quiet_pair=quiet_pair,
            position=(float(x), float(y), float(z)),
        )

    def _switch(self, folder: Path) -> str:
        """The last hinge that PartNet-Mobility calls a switch; its files name a joint after its link's number."""
        path = self._file(folder / "mobility_v2.json")
        found = [part["id"] for part in _read(path) if (part["joint"], part["name"]) == ("hinge", "switch")]
        if not found:
            raise TaskError(f"{path}: names no hinge 'switch'; restore DexArt's own file")
        return f"joint_{found[-1]}"

    def _lid(self, key: str) -> tuple[str, tuple[str, ...]]:
        """The lid's joint, and lid and seat, of DexArt's table: number, lid's joint, lid, body and, maybe, seat."""
        path = self._file(Path("annotation/toilet_joint.txt"))
        rows = {row[0]: row[1:] for row in map(str.split, path.read_text().splitlines()[1:]) if row}
        if key not in rows:
            raise TaskError(f"{path}: says nothing of object {key}")
        joint, lid, _, *seat = rows[key]
        return joint, (lid, *seat)

    def _note(self, name: str, optional: bool = False) -> dict[str, Any]:
        if optional and not (self._folder / "annotation" / name).is_file():
            return {}
        return _read(self._file(Path("annotation", name)))

    def _file(self, path: Path) -> Path:
        if not (self._folder / path).is_file():
            raise TaskError(f"{self._folder}: lacks {path} of DexArt's assets; restore the folder")
        return self._folder / path


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise TaskError(f"{path}: not valid JSON ({error}); restore DexArt's own file") from None
