from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Union

from launch.substitution import Substitution

SomeSubstitutionsType = Union[str, Path, Substitution, Iterable[str | Path | Substitution]]
