"""Finds an implementation by the `kind` of its configuration: a kind is a module of a sub-package.

So a new network, teacher or distiller is one new file (and one new config file); no list of them is kept anywhere.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from sdm_training.settings import Part, SettingsError, build


def find(package: str, kind: str, section: str = "") -> ModuleType:
    """The module `sdm_training.<package>.<kind>`; an unknown kind is one line with the near names, and with the section
    of the configuration that chose it."""
    parent = importlib.import_module(f"sdm_training.{package}")
    known = sorted(module.name for module in pkgutil.iter_modules(parent.__path__))
    if kind not in known:
        near = difflib.get_close_matches(kind, known) or known
        where = f"configuration key '{section}.kind'" if section else package
        raise SettingsError(f"{where}: unknown kind '{kind}', did you mean {', '.join(near)}?")
    return importlib.import_module(f"{parent.__name__}.{kind}")


def build_part(package: str, values: Any, section: str) -> Part:
    """The settings of the implementation that `values["kind"]` names, which stand in the configuration's `section`;
    settings that are built already pass through."""
    if isinstance(values, Part):
        return values
    if not isinstance(values, dict) or "kind" not in values:
        raise SettingsError(f"configuration key '{section}' needs a 'kind'")
    return build(find(package, values["kind"], section).SETTINGS, values, section)
