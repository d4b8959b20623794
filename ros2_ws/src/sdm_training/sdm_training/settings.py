"""Frozen typed settings, and how a Hydra program gets them from `config/`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, ValidationError
from sdm_core.errors import SdmError
from sdm_core.share import share_directory


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


def run_program(config_name: str, settings: type[SettingsType], body: Callable[[SettingsType], None]) -> None:
    """Runs `body` with the typed settings composed from `config/<config_name>.yaml` and the command line.

    A project error ends the program with one line and status 1; Ctrl-C ends it with status 130, SIGTERM with 143.
    """

    def with_composed(config: DictConfig) -> None:
        # Inside Hydra, which would report a project error as a traceback.
        with one_line_errors():
            try:
                values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
            except OmegaConfBaseException as error:
                raise SettingsError(_in_a_line(error)) from None
            body(build(settings, values))

    # As an exception, so that what is open is closed, and worker processes end with their parent.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with one_line_errors():
        folder = config_folder()
    hydra.main(version_base=None, config_path=str(folder), config_name=config_name)(with_composed)()


def composed(config_name: str, settings: type[SettingsType], overrides: Sequence[str]) -> SettingsType:
    """The settings with which `run_program` would call its body, for a command line of `overrides`."""
    return build(settings, composed_values(config_name, overrides))


def composed_values(config_name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The same as plain values."""
    try:
        with _own_hydra():
            config = hydra.compose(config_name, list(overrides))
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingsError(f"{config_name}: {_in_a_line(error)}") from None
    assert isinstance(values, dict)  # a configuration file's root is one
    return {str(key): value for key, value in values.items()}


def _in_a_line(error: Exception) -> str:
    """The reason, the key and the remedy that Hydra or OmegaConf names, but not where it has looked."""
    text = str(error).partition("Config search path:")[0].replace(":\n\t", ": ").replace("\n\t", ", ")
    lines = [line.strip() for line in text.splitlines()]
    told = [line.removesuffix(".") for line in lines if line and not line.startswith("object_type=")]
    return "; ".join(told)


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Hydra holds one configuration at a time: the one of a program that it runs is set aside meanwhile."""
    running, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with hydra.initialize_config_dir(str(config_folder()), version_base=None):
            yield
    finally:
        GlobalHydra.instance().hydra = running


def config_folder() -> Path:
    """The shipped `config/`."""
    return (share_directory("sdm_bringup") / "config").resolve()


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
