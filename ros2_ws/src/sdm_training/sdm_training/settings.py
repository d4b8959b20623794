"""Frozen typed settings, and how a Hydra program gets them from `config/`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import hydra
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, ValidationError
from sdm_core.errors import SdmError


class SettingsError(SdmError):
    """A configuration value is missing, unknown or out of range."""


class Settings(BaseModel):
    """Base of every configuration section: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Part(Settings):
    """A section that chooses an implementation: `kind` is its module's name (see registry)."""

    kind: str


SettingsType = TypeVar("SettingsType", bound=Settings)


def build(settings: type[SettingsType], values: object, section: str = "") -> SettingsType:
    """Validates plain values into `settings`; the error is one line that names key, value and reason."""
    try:
        return settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (section, *first["loc"]) if part != "")
        given = first["input"]
        shown = f" (given: {given!r})" if isinstance(given, (str, int, float, bool)) else ""
        raise SettingsError(f"configuration key '{key}': {first['msg']}{shown}") from None


def config_folder() -> Path:
    """The `config/` folder that sdm_bringup installs under the environment's prefix."""
    folder = Path(sys.prefix) / "share" / "sdm_bringup" / "config"
    if not folder.is_dir():
        raise SettingsError(
            f"no configuration folder at {folder}: run 'make venv', or source the colcon workspace with sdm_bringup"
        )
    return folder


def run_program(config_name: str, settings: type[SettingsType], body: Callable[[SettingsType], None]) -> None:
    """Runs `body` with the typed settings composed from `config/<config_name>.yaml` and the command line.

    A project error ends the program with one line and status 1; Ctrl-C ends it with status 130.
    """

    def with_composed(config: DictConfig) -> None:
        # Inside Hydra, which would report a project error as a traceback.
        with one_line_errors():
            try:
                values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
            except OmegaConfBaseException as error:
                raise SettingsError(str(error).splitlines()[0]) from None
            body(build(settings, values))

    with one_line_errors():
        folder = config_folder()
    # Hydra must neither change the working directory nor leave its own folders behind: runs/ is the record.
    quiet = ("hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none")
    sys.argv[1:1] = quiet
    hydra.main(version_base=None, config_path=str(folder.resolve()), config_name=config_name)(with_composed)()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the program with one line in place of a traceback."""
    try:
        yield
    except SdmError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted: what is on disk is whole, a training resumes from its last saved state", file=sys.stderr)
        raise SystemExit(130) from None
