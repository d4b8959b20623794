from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from launch.substitution import Substitution

SomeSubstitutionsType: TypeAlias = str | Path | Substitution | Iterable[str | Path | Substitution]
