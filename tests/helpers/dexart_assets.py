"""A folder laid out as DexArt's assets, of boxes: an arm with a hand of four fingers, and the four kinds of objects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sdm_sim.dexart.settings import SETTINGS

Vector3 = tuple[float, float, float]
ROBOT = "robot/xarm6_description/xarm6_allegro_wrist_mounted_rotate.urdf"
_NOTE = "{}_allegro_hand_xarm6_wrist_mounted_face_front_relative_position.json"
# Closed and open ends of the parts, in rad.
LEFT, MIDDLE = {"laptop": 0.0, "toilet": 0.0, "bucket": 0.0}, {"laptop": 1.6, "toilet": 1.5, "bucket": 1.5}
# Where objects stand relative to the robot's base.
PLACES: dict[str, Vector3] = {
    "laptop": (0.55, 0.0, 0.02),
    "faucet": (0.5, 0.0, 0.1),
    "toilet": (0.6, 0.0, -0.3),
    "bucket": (0.5, 0.0, -0.2),
}
SCALE = 0.5


@dataclass(frozen=True)
class Box:
    """A link that is one box, and the joint that holds it to its parent; lengths in m before scaling."""

    name: str
    middle: Vector3
    half: Vector3
    parent: str = "base"
    joint: str = "fixed"
    at: Vector3 = (0.0, 0.0, 0.0)
    axis: Vector3 = (0.0, 0.0, 1.0)
    limits: tuple[float, float] = (0.0, 1.8)


OBJECTS = {
    "laptop": (
        Box("link_1", (0.0, 0.0, 0.02), (0.3, 0.4, 0.02)),
        Box("link_0", (-0.3, 0.0, 0.02), (0.3, 0.4, 0.02), "link_1", "revolute", (0.3, 0.0, 0.04), (0.0, 1.0, 0.0)),
    ),
    "faucet": (
        Box("link_2", (0.0, 0.0, -0.1), (0.03, 0.03, 0.1)),
        Box("link_0", (0.0, -0.3, 0.0), (0.03, 0.05, 0.05), "link_2", "revolute", limits=(-1.0, 1.0)),
        Box("link_1", (-0.1, 0.0, 0.1), (0.25, 0.01, 0.15), "link_2", "revolute", limits=(-2.0, 2.0)),
    ),
    "toilet": (
        Box("link_1", (0.0, 0.0, 0.2), (0.3, 0.3, 0.2)),
        Box("link_2", (-0.3, 0.0, 0.02), (0.3, 0.3, 0.01), "link_1", "revolute", (0.3, 0.0, 0.42), (0.0, 1.0, 0.0)),
        Box("link_0", (-0.3, 0.0, 0.05), (0.3, 0.3, 0.01), "link_1", "revolute", (0.3, 0.0, 0.42), (0.0, 1.0, 0.0)),
    ),
    "bucket": (
        Box("link_1", (0.0, 0.0, 0.2), (0.2, 0.2, 0.2)),
        Box("link_0", (0.0, 0.3, 0.0), (0.02, 0.02, 0.2), "link_1", "revolute", (0.0, 0.0, 0.45), (1.0, 0.0, 0.0)),
    ),
}
# Beside a switch, a faucet may have another; a toilet has a seat below its lid.
_PARTS = {
    "laptop": [(0, "hinge", "shaft"), (1, "free", "base_frame")],
    "faucet": [(0, "slider", "spout"), (1, "hinge", "switch"), (2, "static", "base")],
    "toilet": [(0, "hinge", "lid"), (1, "free", "base"), (2, "hinge", "seat")],
    "bucket": [(0, "hinge", "handle"), (1, "free", "bucket_body")],
}


def write_assets(folder: Path, tasks: Iterable[str] = SETTINGS, objects: int | None = None) -> Path:
    """Writes the folder for some tasks, with the first few objects of each (None: all), which are alike."""
    _write(folder / ROBOT, robot_urdf())
    for task in tasks:
        numbers = [str(number) for number in SETTINGS[task].objects[:objects]]
        for number in numbers:
            _write_object(folder / "sapien" / SETTINGS[task].folder.format(number), task)
        notes = {f"{task}_scale.json": SCALE, _NOTE.format(task): PLACES[task]}
        if task != "faucet":
            notes[f"{task}_joint_annotation.json"] = {"left": LEFT[task], "middle": MIDDLE[task]}
        for name, note in notes.items():
            _write(folder / "annotation" / name, json.dumps(dict.fromkeys(numbers, note)))
        if task == "toilet":
            rows = ["index lid_joint lid body seat", *(f"{number} joint_0 link_0 link_1 link_2" for number in numbers)]
            _write(folder / "annotation/toilet_joint.txt", "\n".join(rows))
    return folder


def robot_urdf() -> str:
    """The arm's wrist is 0.45 m ahead of its base and as high; palm and fingers lie in the plane of x and z."""
    arm = ((0.0, 0.0, 0.15), (0.0, 0.0, 0.1), (0.0, 0.0, 0.25), (0.25, 0.0, -0.1), (0.1, 0.0, 0.0), (0.05, 0.0, 0.0))
    axes = ((0, 0, 1), (0, 1, 0), (0, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    links = [_link("world"), _link("link_base", (0, 0, 0.05), (0.05, 0.05, 0.05)), _joint("base", "world", "link_base")]
    parent = "link_base"
    for number, (at, axis) in enumerate(zip(arm, axes, strict=True), start=1):
        links.append(_link(f"link{number}", (0, 0, 0), (0.02, 0.02, 0.02)))
        links.append(_joint(f"joint{number}", parent, f"link{number}", at, axis, (-3.0, 3.0)))
        parent = f"link{number}"
    links.append(_link("base_link", (0.05, 0.0, 0.0), (0.05, 0.015, 0.05)))
    links.append(_joint("palm_joint", "link6", "base_link"))
    for finger, height in enumerate((0.045, 0.015, -0.015, -0.045)):
        parent, at = "base_link", (0.1, 0.0, height)
        for number in range(4 * finger, 4 * finger + 4):
            links.append(_link(f"link_{number}.0", (0.0125, 0.0, 0.0), (0.0125, 0.015, 0.01)))
            links.append(_joint(f"joint_{number}.0", parent, f"link_{number}.0", at, (0, 0, 1), (-0.5, 0.5)))
            parent, at = f"link_{number}.0", (0.025, 0.0, 0.0)
        links.append(_link(f"{parent}_tip", (0, 0, 0), (0.01, 0.015, 0.01)))
        links.append(_joint(f"{parent}_tip_joint", parent, f"{parent}_tip", at))
    return _robot(links)


def object_urdf(task: str) -> str:
    """PartNet-Mobility's layout: meshes that are seen and meshes that collide, named after their link."""
    links = [_link("base")]
    for box in OBJECTS[task]:
        file = f'<mesh filename="textured_objs/{box.name}.obj"/>'
        links.append(
            f'<link name="{box.name}"><visual name="seen"><origin xyz="0 0 0"/><geometry>{file}</geometry></visual>'
            f'<collision><origin xyz="0 0 0"/><geometry>{file}</geometry></collision></link>'
        )
        limits = box.limits if box.joint == "revolute" else None
        links.append(_joint(box.name.replace("link", "joint"), box.parent, box.name, box.at, box.axis, limits))
    return _robot(links)


def box_obj(middle: Vector3, half: Vector3) -> str:
    """A box of six quadrangles, of which the last one faces inwards, as some of PartNet's do."""
    corners = [
        " ".join(str(m + sign * h) for m, sign, h in zip(middle, signs, half, strict=True))
        for signs in ((x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1))
    ]
    faces = ("1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "1 5 7 3", "2 6 8 4")
    return "".join([*(f"v {corner}\n" for corner in corners), *(f"f {face}\n" for face in faces)])


def _write_object(folder: Path, task: str) -> None:
    _write(folder / "mobility.urdf", object_urdf(task))
    parts = [{"id": number, "joint": joint, "name": name} for number, joint, name in _PARTS[task]]
    _write(folder / "mobility_v2.json", json.dumps(parts))
    for box in OBJECTS[task]:
        _write(folder / "textured_objs" / f"{box.name}.obj", box_obj(box.middle, box.half))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _robot(elements: list[str]) -> str:
    white = '<material name="white"><color rgba="1 1 1 1"/></material>'
    return f'<?xml version="1.0"?>\n<robot name="boxes">{white}{"".join(elements)}</robot>\n'


def _link(name: str, middle: Vector3 | None = None, half: Vector3 = (0.0, 0.0, 0.0)) -> str:
    if middle is None:
        return f'<link name="{name}"/>'
    size = " ".join(str(2 * length) for length in half)
    shape = f'<origin xyz="{_text(middle)}"/><geometry><box size="{size}"/></geometry>'
    return (
        f'<link name="{name}"><visual>{shape}<material name="white"/></visual><collision>{shape}</collision>'
        '<inertial><mass value="0.2"/><inertia ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"/></inertial>'
        "</link>"
    )


def _joint(
    name: str,
    parent: str,
    child: str,
    at: Vector3 = (0.0, 0.0, 0.0),
    axis: Vector3 = (0.0, 0.0, 1.0),
    limits: tuple[float, float] | None = None,
) -> str:
    kind = "fixed" if limits is None else "revolute"
    limit = "" if limits is None else f'<limit effort="50" velocity="3" lower="{limits[0]}" upper="{limits[1]}"/>'
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="{_text(at)}"/><axis xyz="{_text(axis)}"/>{limit}</joint>'
    )


def _text(vector: Vector3) -> str:
    return " ".join(map(str, vector))
