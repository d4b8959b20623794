"""Where installed packages are found, as `ament_index_python.packages` documents it."""

from __future__ import annotations

import pytest
from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
    get_packages_with_prefixes,
)
from helpers.launching import install_package


@pytest.fixture
def overlay(tmp_path, monkeypatch):
    """Two prefixes that both have the package `arm`; the first one wins."""
    for name in ("overlay", "underlay"):
        install_package(tmp_path / name, "arm", {})
    install_package(tmp_path / "underlay", "eye", {})
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path / 'overlay'}:{tmp_path / 'underlay'}", prepend=":")
    return tmp_path


def test_first_prefix_that_has_the_package_wins(overlay):
    assert get_package_prefix("arm") == str(overlay / "overlay")
    assert get_package_share_directory("arm") == str(overlay / "overlay" / "share" / "arm")
    assert get_package_prefix("eye") == str(overlay / "underlay")


def test_all_packages_are_listed_with_their_prefixes(overlay):
    found = get_packages_with_prefixes()
    assert (found["arm"], found["eye"]) == (str(overlay / "overlay"), str(overlay / "underlay"))


def test_unknown_package_is_named_and_a_key_error(overlay):
    with pytest.raises(PackageNotFoundError, match="'leg' not found, searching"):
        get_package_prefix("leg")
    assert issubclass(PackageNotFoundError, KeyError)


@pytest.mark.parametrize("name", ["", "arm/eye"])
def test_impossible_names_are_refused(overlay, name):
    with pytest.raises((ValueError, PackageNotFoundError)):
        get_package_share_directory(name)


def test_package_of_this_project_is_found():
    assert get_package_share_directory("sdm_bringup").endswith("share/sdm_bringup")
