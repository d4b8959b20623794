"""The commands of docs/*.md and README.md that Hydra configures are ones that their programs take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from sdm_training.programs.benchmark import BenchmarkSettings
from sdm_training.programs.distill import DistillSettings
from sdm_training.programs.evaluate import EvaluateSettings
from sdm_training.programs.export import ExportProgramSettings
from sdm_training.programs.failures import FailuresSettings
from sdm_training.programs.import_dp3 import ImportDp3Settings
from sdm_training.programs.recheck import RecheckSettings
from sdm_training.programs.train import TrainSettings
from sdm_training.programs.zoo import ZooSettings
from sdm_training.settings import Settings, SettingsError, composed, composed_values

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, type[Settings]] = {
    "benchmark": BenchmarkSettings,
    "distill": DistillSettings,
    "evaluate": EvaluateSettings,
    "export": ExportProgramSettings,
    "failures": FailuresSettings,
    "import_dp3": ImportDp3Settings,
    "recheck": RecheckSettings,
    "train": TrainSettings,
    "zoo": ZooSettings,
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGURED = {path.stem.replace("_", "-") for path in (ROOT / "config").glob("*.yaml")}
# What a command in a sentence or a table, which shows a few words alone, is completed by.
TASK = "task=metaworld/sweep"
COMPLETED_BY = {"demos": TASK, "train": TASK, "distill": TASK, "evaluate": "checkpoint=models/metaworld_sweep_sdm"}


def commands(text: str) -> set[str]:
    """Lines of blocks whole, and what stands in a sentence or a table, but for what says that something is left out."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^sdm-.*$", "".join(blocks).replace("\\\n", " "), re.MULTILINE)
    shown = re.findall(r"`(sdm-[^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return {line for line in (*lines, *map(_completed, shown)) if not re.search(r"[…<$]", line)}


def _completed(command: str) -> str:
    """With what was left out; a command that names its run is for typing, and stays as it is."""
    program, *given = command.split()
    missing = COMPLETED_BY.get(program.removeprefix("sdm-"), "")
    key = missing.split("=")[0]
    whole = any(word.split("=")[0] in (key, "run") for word in given)
    return command if whole or not missing else f"{command} {missing}"


COMMANDS = [
    pytest.param(program, words, id=f"{page.stem}: {command[:70]}")
    for page in PAGES
    for command in sorted(commands(page.read_text()))
    for program, *words in [shlex.split(command, comments=True)]
    if program.removeprefix("sdm-") in CONFIGURED and words
]


@pytest.mark.parametrize(("program", "words"), COMMANDS)
def test_a_command_s_configuration_is_one_that_its_program_takes(program: str, words: list[str]) -> None:
    name = program.removeprefix("sdm-").replace("-", "_")
    if name == "demos":  # plain values, without a class
        composed_values(name, words)
    else:
        composed(name, SETTINGS[name], words)


def test_a_value_that_the_program_refuses_is_found_out() -> None:
    with pytest.raises(SettingsError, match="finall"):
        composed("evaluate", SETTINGS["evaluate"], ["checkpoint=x", "protocol=finall"])


def test_commands_are_found_in_blocks_sentences_and_tables() -> None:
    text = "a `sdm-train run=x` or\n```bash\nsdm-distill \\\n  seed=1\n```\n| `sdm-train teacher=edm` | `sdm-zoo …` |\n"
    assert commands(text) == {"sdm-train run=x", "sdm-distill    seed=1", f"sdm-train teacher=edm {TASK}"}
