"""Expert demonstrations: what is stored, what is not, and that recording goes on where it stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.toy_task import GOAL, STEP, ToyTask
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError, ObservationError, SdmError, TaskError
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_sim import demonstrations
from sdm_sim.demonstrations import DISTURBED_ATTEMPTS, MIN_SUCCESS_STEPS, demonstrate, demonstrate_disturbed
from sdm_sim.differing_option import differing_option
from sdm_sim.disturbance import Disturbance, disturbed_in
from sdm_sim.programs import demos
from sdm_sim.registry import make_task

CONFIG = Path(__file__).parents[2] / "config/demos.yaml"


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[EpisodeStore, ToyTask]]:
    """Records toy episodes into one store; returns it and the task that was driven."""

    def run(episodes: int, hopeless: tuple[int, ...] = (), **options) -> tuple[EpisodeStore, ToyTask]:
        task = ToyTask(hopeless)
        monkeypatch.setattr(demos, "make_task", lambda name: task)
        defaults = {"seed0": 0, "max_failures": 3, "keep_depth": False, "output": str(tmp_path / "toy.zarr")}
        return demos.record("test/toy", episodes, **{**defaults, **options}), task

    return run


def seeds(store: EpisodeStore) -> list[int]:
    return [entry["seed"] for entry in store.provenance]


def rows(store: EpisodeStore, seed: int) -> slice:
    """Of the episode of a seed."""
    ends = [0, *store.episode_ends]
    index = seeds(store).index(seed)
    return slice(ends[index], ends[index + 1])


def test_a_demonstration_pairs_each_observation_with_the_command_that_follows() -> None:
    task = ToyTask()
    episode = demonstrate(task, 3, keep_depth=True)
    assert episode is not None
    steps = len(episode.state)
    assert task.success_steps >= MIN_SUCCESS_STEPS
    assert {name: len(values) for name, values in episode.arrays().items()} == dict.fromkeys(
        ("state", "action", "point_cloud", "depth"), steps
    )
    # The next place is the present one moved by the action stored beside it.
    np.testing.assert_allclose(
        episode.state[1:, :2], (episode.state + STEP * _padded(episode.action))[:-1, :2], atol=1e-6
    )
    spec = task.contract.observation.cloud
    assert spec is not None
    assert episode.point_cloud is not None
    for row in (0, steps - 1):
        cloud = CloudPipeline(spec).from_depth(episode.extra["depth"][row], "16UC1", task.intrinsics, task.extrinsics)
        assert cloud.tobytes() == episode.point_cloud[row].tobytes()


def _padded(action: np.ndarray) -> np.ndarray:
    return np.pad(action[:, :2], ((0, 0), (0, 2)))


def test_an_episode_in_which_the_expert_fails_is_none() -> None:
    assert demonstrate(ToyTask(hopeless=(3,)), 3) is None


def test_failed_episodes_are_skipped_for_the_next_seeds(record: Callable) -> None:
    store, task = record(3, hopeless=(1, 2))
    assert seeds(store) == [0, 3, 4]
    assert task.seeds == [0, 1, 2, 3, 4]
    assert task.closed


def test_recording_goes_on_after_the_last_stored_seed(record: Callable) -> None:
    record(2)
    before = EpisodeStore.open(record(2)[0].path).read("state")
    store, task = record(4)
    assert seeds(store) == [0, 1, 2, 3]
    assert task.seeds == [2, 3]
    assert store.read("state")[: len(before)].tobytes() == before.tobytes()


def test_an_interrupted_recording_equals_an_uninterrupted_one(
    record: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = record(4, hopeless=(1,), output=str(tmp_path / "whole.zarr"))
    step = ToyTask.step

    def interrupted(self: ToyTask, action: np.ndarray) -> None:
        if self.seeds[-1] == 2:
            raise KeyboardInterrupt
        step(self, action)

    with monkeypatch.context() as patch:
        patch.setattr(ToyTask, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            record(4, hopeless=(1,))
    resumed, _ = record(4, hopeless=(1,))
    assert seeds(resumed) == seeds(whole) == [0, 2, 3, 4]
    for name in ("state", "action", "point_cloud"):
        assert resumed.read(name).tobytes() == whole.read(name).tobytes()


def test_nothing_is_recorded_where_there_is_enough(record: Callable) -> None:
    record(3)
    store, task = record(3)
    assert len(store) == 3
    assert task.seeds == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"episodes": 2}, "holds 3 episodes, 2 asked for, and all of a dataset are trained on; choose another path"),
        ({"episodes": 5, "seed0": 1}, "recorded with seed0=0, 1 asked for; go on with that, or choose another path"),
    ],
)
def test_what_a_dataset_holds_too_much_of_is_refused(record: Callable, asked: dict[str, int], message: str) -> None:
    record(3)
    with pytest.raises(DatasetError, match=message):
        record(**asked)


def test_without_a_number_a_dataset_of_more_is_left_as_it_is(record: Callable) -> None:
    record(12)
    assert len(record(None)[0]) == 12


def test_recorded_episodes_are_not_continued_by_made_ones(record: Callable, tmp_path: Path) -> None:
    store, task = record(1)
    episode = demonstrate(task, 1, False, task.contract, None)
    assert episode is not None
    store.append(episode, {"recorded": True})
    with pytest.raises(DatasetError, match=r"toy\.zarr: holds episodes that were recorded, not made of seeds; choose"):
        record(4)


def test_an_expert_that_keeps_failing_is_an_error_and_what_was_stored_stays(record: Callable, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expert failed 4 times; raise max_failures"):
        record(9, hopeless=(1, 2, 3, 4))
    assert seeds(EpisodeStore.open(tmp_path / "toy.zarr")) == [0]


def test_another_task_s_dataset_is_not_continued(record: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    record(1)
    other = ToyTask().contract.model_copy(update={"task": "test/other"})
    original = ToyTask.__init__

    def renamed(self: ToyTask, *args) -> None:
        original(self, *args)
        self.contract = other

    monkeypatch.setattr(ToyTask, "__init__", renamed)
    with pytest.raises(DatasetError, match="recorded under another contract"):
        record(2)


def test_an_unknown_task_leaves_no_dataset_behind(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="did you mean"):
        demos.record("metaworld/dor-open", 1, 0, 1, False, str(tmp_path / "a.zarr"))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_camera_leaves_no_dataset_behind(record: Callable, tmp_path: Path) -> None:
    with pytest.raises(SdmError, match="camera_noise 'd5xx' is not known"):
        record(1, camera_noise="d5xx")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_whole_episodes_and_the_same_command_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from sdm_sim.programs.demos import main; main()", "task=metaworld/reach"]
    path = tmp_path / "reach.zarr"
    recording = subprocess.Popen(
        [*command, "episodes=500", f"output={path}"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while recording.poll() is None and len(list(path.glob("data/point_cloud/*.0.0"))) < 2:
        time.sleep(0.02)
    recording.send_signal(signal.SIGINT)
    _, errors = recording.communicate()
    assert recording.returncode == 1
    assert errors.strip().splitlines()[-1].startswith("sdm-demos: interrupted; what is stored is whole")
    assert "Traceback" not in errors
    store = EpisodeStore.view(path)
    stored = len(store)
    assert stored >= 1
    assert seeds(store) == list(range(stored))
    assert len(store.read("action")) == store.episode_ends[-1]
    subprocess.run(
        [*command, f"episodes={stored + 1}", f"output={path}"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
    )
    assert seeds(EpisodeStore.view(path)) == list(range(stored + 1))


def test_a_family_s_tasks_are_recorded_each_into_its_own_dataset_and_equally_again(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from sdm_sim.programs.demos import main; main()", "task=fork", "episodes=2"]
    one = subprocess.run([*program, "output=one.zarr"], cwd=tmp_path, capture_output=True, text=True)
    assert one.returncode == 0, one.stderr
    again = subprocess.run(
        [*program, "output=again/${task}.zarr", "workers=1"], cwd=tmp_path, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("1/1 fork/reach: 2 episodes, ")
    stores = [EpisodeStore.open(tmp_path / path) for path in ("one.zarr", "again/fork/reach.zarr")]
    assert stores[0].provenance == stores[1].provenance
    assert [entry["seed"] for entry in stores[0].provenance] == [0, 1]
    for name in ("state", "action", "point_cloud"):
        assert stores[0].read(name).tobytes() == stores[1].read(name).tobytes()


def test_several_tasks_into_one_dataset_are_refused(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from sdm_sim.programs.demos import main; main()"]
    wrong = subprocess.run(
        [*program, "task=metaworld", "output=all.zarr"], cwd=tmp_path, capture_output=True, text=True
    )
    assert wrong.returncode == 1
    assert wrong.stderr.strip() == "sdm-demos: output: one dataset for several tasks; name it by ${task}"


def test_demonstrations_through_a_noisy_camera_are_repeatable_and_say_so(record: Callable, tmp_path: Path) -> None:
    stores = [
        record(2, output=str(tmp_path / name), camera_noise=noise, keep_depth=True)[0]
        for name, noise in (("clean", "none"), ("noisy", "d4xx"), ("again", "d4xx"))
    ]
    clean, noisy, again = (store.read("depth") for store in stores)
    np.testing.assert_array_equal(noisy, again)
    assert (noisy != clean).mean() > 0.3
    assert [[entry.get("camera_noise") for entry in store.provenance] for store in stores[:2]] == [
        [None, None],
        ["d4xx", "d4xx"],
    ]
    with pytest.raises(
        DatasetError, match="recorded with camera_noise=d4xx, none asked for; go on with that, or choose another"
    ):
        record(3, output=str(tmp_path / "noisy"), keep_depth=True)


def test_a_disturbed_demonstration_holds_the_expert_s_own_actions_where_it_has_been_led(record: Callable) -> None:
    store, _ = record(3, disturbed=True, max_failures=30)
    columns = [store.contract.state_names.index(name) for name in ("hand.x", "hand.y", "gap")]
    state, action = store.read("state")[:, columns], store.read("action")
    np.testing.assert_allclose(action[:, :2], np.clip((GOAL - state[:, :2]) / STEP, -1, 1), atol=1e-5)
    disturbance, astray = Disturbance(store.contract), 0
    for seed, start, end in zip(seeds(store), [0, *store.episode_ends[:-1]], store.episode_ends, strict=True):
        asked, moved = action[start : end - 1], np.diff(state[start:end, :2], axis=0)
        for attempt in range(DISTURBED_ATTEMPTS):
            disturbance.reset(seed, attempt)
            commands = np.array([disturbance.apply(one) for one in asked])
            if np.allclose(moved, STEP * commands[:, :2], atol=1e-6):
                break
        else:
            pytest.fail(f"no attempt at seed {seed} moves the hand as it was moved")
        assert not state[start + 1 : end, 2].any(), "the gripper is closed all the time, as it was asked to"
        astray += (commands != asked).any(1).sum()
    assert 4 <= astray < len(action) / 2


def test_a_task_s_demonstration_is_disturbed_alike_each_time_and_unlike_itself_left_alone() -> None:
    with closing(make_task("fork/reach")) as fork:
        alone = demonstrate(fork, 0)
        first, again = (demonstrate_disturbed(fork, 0, Disturbance(fork.contract)) for _ in range(2))
    assert alone is not None
    assert first is not None
    assert again is not None
    for name, values in first.arrays().items():
        np.testing.assert_array_equal(values, again.arrays()[name])
    np.testing.assert_array_equal(first.state[0], alone.state[0])
    steps = min(len(first.state), len(alone.state))
    assert np.abs(first.state[:steps] - alone.state[:steps]).max() > 0.01


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("failures", [0, 2, DISTURBED_ATTEMPTS, DISTURBED_ATTEMPTS + 1])
def test_a_start_is_tried_with_other_disturbances_and_at_last_with_none(
    monkeypatch: pytest.MonkeyPatch, failures: int, unseen: bool
) -> None:
    """Whether there is one, what it does first with the same command, and the seed, of each attempt."""
    task, tried = ToyTask(), []

    def failing(task, seed, keep_depth, contract, camera_noise, disturbance=None):
        moved = [] if disturbance is None else [disturbance.apply(np.zeros(3)).tolist() for _ in range(200)]
        tried.append((disturbance is not None, moved, seed))
        if unseen and len(tried) <= min(failures, DISTURBED_ATTEMPTS):
            raise ObservationError("none of 9 valid points lies in the crop box")
        return None if len(tried) <= failures else "an episode"

    monkeypatch.setattr(demonstrations, "demonstrate", failing)
    found = demonstrations.demonstrate_disturbed(task, 3, Disturbance(task.contract))
    assert found == (None if failures > DISTURBED_ATTEMPTS else "an episode")
    disturbed, moved, starts = zip(*tried, strict=True)
    assert disturbed == (*(True,) * DISTURBED_ATTEMPTS, False)[: failures + 1]
    assert len({str(one) for one in moved}) == len(tried)
    assert set(starts) == {3}


def test_a_camera_that_sees_nothing_without_a_disturbance_either_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(*_: object) -> None:
        raise ObservationError("none of 9 valid points lies in the crop box")

    monkeypatch.setattr(demonstrations, "demonstrate", blind)
    task = ToyTask()
    with pytest.raises(ObservationError, match="none of 9 valid points"):
        demonstrations.demonstrate_disturbed(task, 3, Disturbance(task.contract))


def test_disturbed_demonstrations_go_on_as_they_began_and_say_so(record: Callable, tmp_path: Path) -> None:
    whole, again = (str(tmp_path / name) for name in ("whole", "again"))
    options = {"disturbed": True, "max_failures": 30}
    record(1, output=again, **options)
    stores = [record(3, output=output, **options)[0] for output in (whole, again)]
    assert stores[0].provenance == stores[1].provenance
    assert [entry["disturbed"] for entry in stores[0].provenance] == [True] * 3
    assert all("disturbed" not in entry for entry in record(1)[0].provenance)
    for name in ("state", "action", "point_cloud"):
        assert stores[0].read(name).tobytes() == stores[1].read(name).tobytes()


@pytest.mark.parametrize("recorded", [False, True])
def test_disturbed_demonstrations_are_not_mixed_with_others(record: Callable, recorded: bool) -> None:
    before = seeds(record(1, disturbed=recorded, max_failures=30)[0])
    message = (
        rf"^\S*toy\.zarr: recorded with disturbed={recorded}, {not recorded} asked for; go on with that, or choose"
    )
    with pytest.raises(DatasetError, match=message):
        record(2, disturbed=not recorded, max_failures=30)
    assert seeds(record(1, disturbed=recorded, max_failures=30)[0]) == before


def test_half_disturbed_demonstrations_are_those_of_odd_seeds_and_go_on_as_they_began(
    record: Callable, tmp_path: Path
) -> None:
    half, all_of_them, none = (
        record(4, output=str(tmp_path / str(disturbed)), disturbed=disturbed, max_failures=30)[0]
        for disturbed in ("half", True, False)
    )
    record(1, output=str(tmp_path / "again"), disturbed="half", max_failures=30)
    again, _ = record(4, output=str(tmp_path / "again"), disturbed="half", max_failures=30)
    assert half.provenance == again.provenance
    assert [entry.get("disturbed", False) for entry in half.provenance] == [seed % 2 == 1 for seed in seeds(half)]
    for seed in (0, 1):
        one, other = (store.read("state", rows(store, seed)) for store in (half, all_of_them if seed else none))
        np.testing.assert_array_equal(one, other)
    assert disturbed_in(half.provenance) == "half"
    with pytest.raises(DatasetError, match="recorded with disturbed=half, True asked for"):
        record(5, output=str(tmp_path / "half"), disturbed=True, max_failures=30)
    for asked_for, recorded in (("half", True), ("half", False)):
        with pytest.raises(DatasetError, match=f"recorded with disturbed={recorded}, {asked_for} asked for"):
            record(5, output=str(tmp_path / str(recorded)), disturbed=asked_for, max_failures=30)
    with pytest.raises(TaskError, match=r"^disturbed=most: is none of false, true and half$"):
        record(1, output=str(tmp_path / "most"), disturbed="most")
    assert not (tmp_path / "most").exists()


def test_a_store_of_which_the_wrong_half_is_disturbed_is_not_half_disturbed(tmp_path: Path) -> None:
    store, episode = EpisodeStore.create(tmp_path / "store", ToyTask().contract), demonstrate(ToyTask(), 0)
    assert episode is not None
    for seed in (0, 1):
        store.append(episode, {"seed": seed, "disturbed": seed == 0})
    assert differing_option(store, {"disturbed": "half"}) == ("disturbed", "some", "half")


def test_the_program_s_option_disturbs_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demos, "make_task", lambda name: ToyTask())
    config = yaml.safe_load(CONFIG.read_text())
    assert config["disturbed"] is False
    for disturbed in (False, True):
        path = str(tmp_path / f"{disturbed}.zarr")
        options = {"task": "test/toy", "episodes": 1, "max_failures": 30, "output": path, "disturbed": disturbed}
        store = demos.record_as_configured({**config, **options}, quiet=True)
        assert [entry.get("disturbed") for entry in store.provenance] == [disturbed or None]


def test_what_cannot_be_disturbed_is_refused_and_leaves_nothing(
    record: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contract = ToyTask().contract
    placed = contract.action.model_copy(update={"hold": (None, None, None)})
    original = ToyTask.__init__

    def of_places(self: ToyTask, *args) -> None:
        original(self, *args)
        self.contract = contract.model_copy(update={"action": placed})

    monkeypatch.setattr(ToyTask, "__init__", of_places)
    with pytest.raises(TaskError, match=r"^test/toy: its actions are places, not movements; leave disturbed=… out$"):
        record(1, disturbed=True)
    assert not (tmp_path / "toy.zarr").exists()
    assert seeds(record(1)[0]) == [0]


def test_the_program_records_a_real_task_and_names_an_unknown_one(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from sdm_sim.programs.demos import main; main()"]
    wrong = subprocess.run([*program, "task=metaworld/dor-open"], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode != 0
    assert wrong.stderr.strip().startswith("sdm-demos: unknown task 'metaworld/dor-open'; did you mean")
    assert "Traceback" not in wrong.stderr

    right = subprocess.run(
        [*program, "task=metaworld/reach", "episodes=1", "output=reach.zarr"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert right.returncode == 0, right.stderr
    store = EpisodeStore.open(tmp_path / "reach.zarr")
    assert len(store) == 1
    assert store.contract.task == "metaworld/reach"
    assert store.read("point_cloud").shape[1:] == (512, 3)
    assert np.abs(store.read("action")).max() <= 1
