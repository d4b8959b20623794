"""docs/tutorials can be followed: what they add works, and every program, option, launch argument and link exists."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest
import sdm_sim
import torch
from embedded_ros.cli.main import main as ros2
from helpers import methods
from helpers.agents import episode, random, still
from helpers.methods import learner_of
from helpers.training import demonstrations, training_of, windows_of
from helpers.tutorial_pages import PAGES, ROOT, TUTORIALS, commands, insertions, write_files
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from sdm_policy_node.commands import command_node, operator_services
from sdm_policy_node.parameters import CommandParameters, PolicyParameters, TeleopParameters
from sdm_sim import registry as task_registry
from sdm_sim.demonstrations import demonstrate
from sdm_sim.task import Task
from sdm_training import distillers
from sdm_training.registry import build_part
from sdm_training.settings import composed_values

METHOD, TASK = TUTORIALS / "add_a_method.md", TUTORIALS / "add_a_task.md"
PROGRAMS = {point.name: point for point in entry_points(group="console_scripts") if point.name.startswith("sdm-")}
# Programs that Hydra configures, by the name of their configuration.
CONFIGURED = {"sdm-demos", "sdm-train", "sdm-distill", "sdm-evaluate", "sdm-benchmark"}
NODE_PARAMETERS = {"/policy_node": PolicyParameters, "/command_node": CommandParameters}
# What a shell, pip and git bring along.
COMMON = {".", "cd", "export", "git", "pip", "pkill", "python", "python3", "rviz2", "sed", "source", "tail"}
COMMANDS = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words)[:60]}") for page in PAGES for words in commands(page)
]


@pytest.fixture
def method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The method of the tutorial, found as if its files were in the repository."""
    write_files(METHOD, tmp_path)
    folder = tmp_path / "ros2_ws/src/sdm_training/sdm_training/distillers"
    monkeypatch.setattr(distillers, "__path__", [*distillers.__path__, str(folder)])
    (case,) = insertions(METHOD)
    monkeypatch.setattr(methods, "METHODS", {**methods.METHODS, **eval(f"{{{case}}}", dict(vars(methods)))})
    yield "denoising_student"
    sys.modules.pop("sdm_training.distillers.denoising_student", None)


def test_the_method_learns_what_the_teacher_makes_of_a_noise(method: str) -> None:
    learner = learner_of(method, settings={"steps": 60})
    data = demonstrations()
    training = training_of(learner, windows_of(data, learner.policy))
    teacher, student = learner.get_submodule("teacher"), learner.policy
    noise = torch.randn(64, *student.chunk_shape, generator=torch.Generator().manual_seed(0))
    condition = torch.zeros(64, student.encoder.condition_dim)

    @torch.no_grad()
    def apart() -> float:
        taught = teacher.process.sample(teacher.denoiser, noise, condition, 2)  # pyright: ignore
        levels = torch.full((64,), student.process.noisiest)
        return float((student.predict_x0(noise, levels, condition, clip=False) - taught).square().mean())

    before = apart()
    for index in range(60):
        training.step(index)
    assert apart() < 0.7 * before


def test_the_method_s_configuration_is_complete(method: str, tmp_path: Path) -> None:
    values = composed_values("distill", [*beside(tmp_path), "task=fork/reach", f"distiller={method}"])
    assert build_part("distillers", values["distiller"], "distiller").model_dump()["teacher_nfe"] == 10
    assert values["run"] == "runs/fork/reach/denoising_student_small_seed0"


def beside(folder: Path) -> list[str]:
    """Has Hydra look for configurations below `folder`, too."""
    return [f"hydra.searchpath=[file://{folder / 'config'}]"]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    """The task of the tutorial, by a registry with the lines that it asks for."""
    write_files(TASK, tmp_path)
    monkeypatch.setattr(sdm_sim, "__path__", [*sdm_sim.__path__, str(tmp_path / "sim/sdm_sim")])
    builder, line = insertions(TASK)
    source = Path(task_registry.__file__).read_text()
    source = source.replace(
        "@dataclass(frozen=True)\nclass _Family", f"{builder}\n\n@dataclass(frozen=True)\nclass _Family"
    )
    source = re.sub(r'( +"fork": .*\n)', lambda fork: fork[1] + line, source)
    extended = ModuleType("extended_registry")
    monkeypatch.setitem(sys.modules, "extended_registry", extended)
    exec(compile(source, "extended_registry", "exec"), vars(extended))
    with closing(extended.make_task("touch/ball")) as built:
        yield built
    for name in [name for name in sys.modules if name.startswith("sdm_sim.touch")]:
        del sys.modules[name]


def test_the_task_is_solved_by_its_expert_and_by_nobody_else(task: Task) -> None:
    for seed in range(10):
        demonstration = demonstrate(task, seed)
        assert demonstration is not None, seed
        assert demonstration.point_cloud is not None
        assert 10 <= len(demonstration.action) < task.step_limit
    for agent in (still, random):
        episode(task, 3, agent)
        assert not task.succeeded


def test_the_task_is_what_every_task_has_to_be(task: Task) -> None:
    first, other, again = (episode(task, seed, random) for seed in (11, 14, 11))
    assert [values.tobytes() for values in first] == [values.tobytes() for values in again]
    assert [values.tobytes() for values in first[:2]] != [values.tobytes() for values in other[:2]]
    cloud = task.contract.observation.cloud
    assert cloud is not None
    assert {values.shape for values in first} == {(task.contract.state_dim,), (cloud.points, cloud.channels)}
    assert task.contract.task == task.name == "touch/ball"


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_s_program_and_options_exist(words: list[str], tmp_path: Path, capsys, monkeypatch) -> None:
    program, arguments = words[0], words[1:]
    if program == "make":
        assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for target in arguments)
    elif program in CONFIGURED:
        write_files(METHOD, tmp_path)
        composed_values(program.removeprefix("sdm-"), [*beside(tmp_path), *arguments])
    elif program == "sdm-teleop":
        given = dict(word.split(":=") for word in arguments if ":=" in word)
        assert set(given) - {"use_sim_time"} <= {entry.name for entry in fields(TeleopParameters)}
    elif program in PROGRAMS:
        monkeypatch.setattr(sys, "argv", [program, "--help"])
        with pytest.raises(SystemExit):
            PROGRAMS[program].load()()
        offered = capsys.readouterr().out
        assert all(option in offered for option in arguments if re.fullmatch(r"-o|--[\w-]+", option))
    elif program in ("ros2", "ros2-embedded"):
        graph_command_exists(arguments, capsys)
    else:
        assert program in COMMON


def graph_command_exists(arguments: list[str], capsys) -> None:
    """Asserts that there is such a verb, launch file with these arguments, or parameter."""
    if arguments[:2] == ["launch", "sdm_bringup"]:
        file = get_launch_description_from_python_launch_file(str(ROOT / "launch" / arguments[2]))
        declared = {argument.name for argument in file.get_launch_arguments()}
        assert {word.split(":=")[0] for word in arguments[3:] if ":=" in word} <= declared
    elif arguments[0] == "param":
        assert arguments[3] in {entry.name for entry in fields(NODE_PARAMETERS[arguments[2]])}
    elif arguments[0] != "pkg":  # which a real ROS 2 alone has
        with pytest.raises(SystemExit) as end:
            ros2([*arguments[:2], "--help"])
        assert end.value.code == 0
        capsys.readouterr()
    if arguments[0] == "service":
        node, name = arguments[2].strip("/").split("/")
        assert node == "command_node"
        offered = [inspect.getsource(module) for module in (command_node, operator_services)]
        assert any(f'"~/{name}"' in source for source in offered)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if heading else []
        assert not heading or heading in {
            re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles
        }, link
