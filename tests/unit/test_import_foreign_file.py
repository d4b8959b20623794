"""Files from elsewhere: tensors come out, pickled code never runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from sdm_core.errors import CheckpointError
from sdm_training.importing.foreign_file import Placeholder, config_value, load_tensors


class Calls:
    """Pickled as a call of `function`, which whoever unpickles it would make."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("function", [eval, subprocess.getoutput, __import__, getattr, torch.hub.load])
def test_a_pickled_call_is_not_made_and_the_tensors_are_read_all_the_same(function, tmp_path):
    mark = tmp_path / "was_here"
    argument = f"open({str(mark)!r}, 'w')" if function is eval else f"touch {mark}"
    content = {"cfg": Calls(function, argument), "state_dicts": {"model": {"a": torch.arange(3)}}}
    read = load_tensors(saved(tmp_path / "file.ckpt", content))
    assert not mark.exists()
    assert isinstance(read["cfg"], Placeholder)
    assert read["state_dicts"]["model"]["a"].tolist() == [0, 1, 2]


def test_the_same_file_would_have_run_under_an_ordinary_unpickler(tmp_path):
    mark = tmp_path / "was_here"
    path = saved(tmp_path / "file.ckpt", {"cfg": Calls(os.system, f"touch {mark}")})
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_file_that_calls_the_shell_is_refused(tmp_path):
    mark = tmp_path / "was_here"
    path = saved(tmp_path / "file.ckpt", {"cfg": Calls(os.system, f"touch {mark}"), "a": torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"file\.ckpt: cannot be read without running .*system") as caught:
        load_tensors(path)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_nothing_stays_allowed_after_a_file(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    load_tensors(saved(tmp_path / "file.ckpt", {"cfg": Calls(eval, "1")}))
    assert set(torch.serialization.get_safe_globals()) == before


def test_a_configuration_is_read_through_its_placeholders(tmp_path):
    config = OmegaConf.create(
        {"horizon": 16, "copy": "${horizon}", "policy": {"name": "dp3", "rates": [0.5, 2], "ema": True}, "none": None}
    )
    read = load_tensors(saved(tmp_path / "file.ckpt", {"cfg": config}))["cfg"]
    assert isinstance(read, Placeholder)
    assert config_value(read, "horizon") == 16
    assert config_value(read, "policy", "name") == "dp3"
    assert config_value(read, "policy", "ema") is True
    for absent in (("copy",), ("none",), ("policy",), ("policy", "rates"), ("nothing", "there"), ("horizon", "deeper")):
        assert config_value(read, *absent) is None


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a zip"])
def test_a_file_that_is_no_checkpoint_is_one_clear_line(content, tmp_path):
    path = tmp_path / "file.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"file\.ckpt: cannot be read") as caught:
        load_tensors(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing\.ckpt: no such file"):
        load_tensors(tmp_path / "nothing.ckpt")
