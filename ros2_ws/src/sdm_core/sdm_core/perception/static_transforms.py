"""Poses between frames that do not change, such as a calibrated camera's, in a YAML file.

transforms:
- {parent: fr3_link0, child: camera_link, translation: [1.1, 0.0, 0.6], rotation_xyzw: [0.0, 0.0, 1.0, 0.0]}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sdm_core.atomic import atomic_write
from sdm_core.errors import ObservationError
from sdm_core.perception.point_cloud import Extrinsics


@dataclass(frozen=True)
class StaticTransform:
    """Pose of the frame `child` in the frame `parent`, in m."""

    parent: str
    child: str
    pose: Extrinsics


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    parent: str
    child: str
    translation: tuple[float, float, float]
    rotation_xyzw: tuple[float, float, float, float]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    transforms: tuple[_Entry, ...]


def read_transforms(path: str | Path) -> list[StaticTransform]:
    """The transforms of a file. Raises ObservationError where it is missing or malformed."""
    try:
        document = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ObservationError(f"{path}: {error.strerror}; name the file that sdm-calibrate wrote") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ObservationError(f"{path}: not valid YAML; calibrate anew") from None
    return parse_transforms(document, str(path))


def parse_transforms(document: Any, source: str) -> list[StaticTransform]:
    """Those of a file's document. Raises ObservationError, which names the source, where it is malformed."""
    try:
        entries = _File.model_validate(document).transforms
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise ObservationError(f"{source}: {where}: {first['msg']}; mend this entry or calibrate anew") from None
    return [
        StaticTransform(entry.parent, entry.child, Extrinsics(entry.rotation_xyzw, entry.translation))
        for entry in entries
    ]


def transforms_document(transforms: Iterable[StaticTransform]) -> dict[str, Any]:
    """What `parse_transforms` parses, of plain values."""
    entries = [
        {
            "parent": transform.parent,
            "child": transform.child,
            "translation": list(transform.pose.translation),
            "rotation_xyzw": list(transform.pose.quaternion_xyzw),
        }
        for transform in transforms
    ]
    return {"transforms": entries}


def write_transforms(path: str | Path, transforms: Iterable[StaticTransform], heading: str = "") -> None:
    """Writes what `read_transforms` reads, whole or not at all, with the lines of `heading` as comments before it."""
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    text = comment + yaml.safe_dump(
        transforms_document(transforms), sort_keys=False, width=120, default_flow_style=None
    )
    atomic_write(Path(path), text.encode())
