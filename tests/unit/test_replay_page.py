"""sdm-replay: a recorded episode on the page, wound to and fro, with what policies and demonstrations say of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.bags import WrittenBag
from helpers.browser import headless_browser
from helpers.contracts import small_contract
from helpers.linear_policy import LinearPolicy
from helpers.page_client import PageClient
from helpers.recordings import STEPS, moving_contract, moving_dataset, moving_episode
from helpers.waiting import wait_until
from sdm_cockpit.page.page import PageOptions
from sdm_cockpit.page.replay_page import ReplayPage
from sdm_cockpit.replay.dataset_recordings import DatasetRecordings
from sdm_cockpit.replay.demonstrations import Demonstrations
from sdm_cockpit.replay.listed_episode import ListedEpisode
from sdm_cockpit.replay.open_recordings import open_recordings
from sdm_cockpit.replay.program import main
from sdm_cockpit.replay.replay import Replay, View
from sdm_cockpit.replay.replayed_policy import ReplayedPolicy
from sdm_cockpit.snapshot import Box
from sdm_core.datasets.dataset import EpisodeStore

# Where the cloud of the browser's test is before it moves, and afterwards.
FIRST, LATER = (-0.2, 0.0, 0.3), (0.2, 0.0, 0.3)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return moving_dataset(tmp_path / "moving.zarr", episodes=3).path


@pytest.fixture
def replay(tmp_path: Path, dataset: Path) -> Iterator[Replay]:
    """Of three episodes, with two policies over them."""
    names = ("teacher", "student")
    policies = [ReplayedPolicy(LinearPolicy(moving_contract()).write(tmp_path / name).path) for name in names]
    recordings, demonstrations = DatasetRecordings(dataset), Demonstrations(dataset)
    made = Replay([ListedEpisode(recordings, number, demonstrations) for number in range(3)], policies)
    yield made
    made.close()


def when_known(replay: Replay) -> View:
    """The view once nothing is left to be computed."""
    wait_until(lambda: all(done == of for _, done, of in replay.look().work))
    return replay.look()


# -- what is looked at ---------------------------------------------------------------------------------------------


def test_the_chunks_of_all_policies_lie_over_the_way_that_was_taken(replay: Replay) -> None:
    when_known(replay)
    replay.player.wind(4)
    view = replay.look()
    assert [plan.label for plan in view.snapshot.plans] == ["recorded", "teacher", "student"]
    assert {plan.values.shape for plan in view.snapshot.plans} == {(4, 3)}
    assert view.actions == tuple(f"hand.{axis} (10 mm per step)" for axis in ("dx", "dy", "dz"))
    assert replay.look().snapshot is view.snapshot  # nothing has changed
    assert view.snapshot.trail is not None
    assert [len(part) for part in view.snapshot.trail] == [5, 5]


def test_an_episode_is_compared_with_the_other_ones(replay: Replay, dataset: Path) -> None:
    compared = when_known(replay).comparison
    assert compared is not None
    assert compared.by_state.episode != 0
    assert compared.by_cloud is not None
    assert compared.by_cloud.episode != 0
    store = EpisodeStore.view(dataset)
    nearest = store.read("point_cloud")[compared.by_cloud.episode * STEPS + compared.by_cloud.step]
    np.testing.assert_array_equal(compared.cloud, nearest[:8])
    others = store.read("state")[STEPS:]
    assert [entry.high for entry in compared.entries] == others.max(axis=0).tolist()
    assert any(entry.outside for entry in compared.entries)  # the seeds are far apart


def test_another_episode_is_read_when_it_is_chosen(replay: Replay) -> None:
    assert replay.look().snapshot.status.activity == "success"
    replay.player.wind(7)
    replay.choose(2)
    view = when_known(replay)
    assert (view.step, view.snapshot.status.activity) == (0, "not judged")
    assert view.snapshot.episode is not None
    assert view.snapshot.episode.number == 3
    stored = moving_episode(2, moving_contract()).point_cloud
    assert stored is not None
    np.testing.assert_array_equal(view.snapshot.cloud, stored[0, :8])


def test_a_policy_that_does_not_fit_a_chosen_episode_becomes_a_line(replay: Replay, tmp_path: Path) -> None:
    other = DatasetRecordings(moving_dataset(tmp_path / "other.zarr", small_contract(), episodes=1).path)
    replay.episodes = [*replay.episodes, ListedEpisode(other, 0)]
    replay.choose(3)
    wait_until(lambda: len(replay.look().snapshot.status.problems) == 2)
    assert "teacher was made for other actions" in replay.look().snapshot.status.problems[0]
    assert replay.look().comparison is None


def test_what_is_whole_of_a_bag_that_was_cut_off_is_shown_and_the_rest_said(tmp_path: Path) -> None:
    bag = WrittenBag(tmp_path / "bag", small_contract())
    bag.episode(range(30), success=0)
    bag.episode(range(40, 80))
    bag.close()
    (file,) = (tmp_path / "bag").glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    replay = Replay([ListedEpisode(open_recordings(tmp_path / "bag"), 0)])
    view = replay.look()
    replay.close()
    assert (view.steps, view.snapshot.status.activity) == (30, "failure")
    assert any("is cut off" in line for line in view.snapshot.status.problems)


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("{0}/moving.zarr:9", "has no episode 9; it holds 3"),
        ("{0}/empty.zarr", "holds no episode yet"),
        ("{0}/none.zarr", "no such file or folder"),
        ("{0}/moving.zarr --checkpoint {0}/other", "other was made for other actions"),
        ("{0}/moving.zarr --demonstrations {0}/none.zarr", "none.zarr"),
        ("{0}/moving.zarr:0 --demonstrations {0}/single.zarr", "recorded with other states"),
        ("{0}/moving.zarr --host 192.0.2.7 --port 0", "give another --port"),
    ],
)
def test_what_cannot_be_shown_is_one_line(tmp_path: Path, dataset: Path, arguments: str, line: str) -> None:
    moving_dataset(tmp_path / "empty.zarr", episodes=0)
    LinearPolicy(small_contract()).write(tmp_path / "other")
    contract = moving_contract()
    renamed = tuple(entry.model_copy(update={"name": f"other.{entry.name}"}) for entry in contract.observation.state)
    observation = contract.observation.model_copy(update={"state": renamed})
    moving_dataset(tmp_path / "single.zarr", contract.model_copy(update={"observation": observation}), episodes=1)
    with pytest.raises(SystemExit) as ended:
        main(arguments.format(tmp_path).split())
    assert str(ended.value).startswith("error: ")
    assert line in str(ended.value)
    assert "\n" not in str(ended.value)


# -- the page ------------------------------------------------------------------------------------------------------


@contextmanager
def shown(replay: Replay) -> Iterator[ReplayPage]:
    """The page of a replay, drawn as the command does."""
    page = ReplayPage(PageOptions(port=0), replay.player, ["one", "two", "three"], replay.choose)
    over = threading.Event()

    def draw() -> None:
        while not over.wait(0.05):
            page.show(replay.look())

    drawing = threading.Thread(target=draw)
    drawing.start()
    try:
        yield page
    finally:
        over.set()
        drawing.join()
        page.close()


def test_the_page_passes_on_what_people_press(replay: Replay) -> None:
    with shown(replay) as page:
        visitor = PageClient(page.url)
        visitor.set("step", STEPS - 1)
        wait_until(lambda: replay.player.step == STEPS - 1)
        # The trail to a place that nobody has seen the tool come to: the live page would begin a new one.
        visitor.wait_for(lambda m: m.get("name") == "/trail" and m.get("visible"))
        visitor.set("steps (← →)", "−1")
        wait_until(lambda: replay.player.step == STEPS - 2)
        visitor.set("speed", "0.1")
        wait_until(lambda: replay.player.speed == 0.1)
        visitor.click("Play (space)")
        wait_until(lambda: replay.player.playing)
        visitor.wait_for(lambda m: m.get("updates", {}).get("label") == "Pause (space)")
        visitor.set("recording", "two")
        visitor.wait_for(lambda m: "episode <b>2 of 3</b>" in str(m.get("updates", {}).get("content")))
        visitor.wait_for(lambda m: "moving.zarr:" in str(m.get("updates", {}).get("content")))
        visitor.close()


def blob_dataset(path: Path) -> Path:
    """One episode of a dense cloud that jumps from one place to another halfway."""
    contract = moving_contract()
    episode = moving_episode(0, contract)
    noise = np.random.default_rng(0).normal(0, 0.01, (STEPS, 32, 3))
    places = np.where(np.arange(STEPS)[:, None, None] < STEPS // 2, FIRST, LATER)
    cloud = (places + noise).astype(np.float32)
    store = EpisodeStore.create(path, contract)
    store.append(replace(episode, point_cloud=cloud), {"seed": 0}, success=True)
    return path


def test_in_a_browser_the_cloud_moves_with_the_scrubber(tmp_path: Path) -> None:
    recordings = DatasetRecordings(blob_dataset(tmp_path / "blob.zarr"))
    replay = Replay([ListedEpisode(recordings, 0)])
    with shown(replay) as page, headless_browser() as browser, browser.page(1100, 400) as window:
        page.look_at(Box(np.array(FIRST) - 0.05, np.array(LATER) + 0.05))
        window.open(page.url)

        def is_at(place: tuple[float, float, float]) -> bool:
            found = window.position("/cloud", place)
            if found is None:
                return False
            column, row = map(round, found)
            patch = window.pixels()[row - 4 : row + 5, column - 4 : column + 5].astype(int)
            # The cloud's blue, of whatever height, on a ground that is dark and grey.
            return float(np.mean(patch[..., 2] - patch[..., 0] > 60)) > 0.1

        assert window.wait_until(lambda: is_at(FIRST) and not is_at(LATER)), window.errors
        window.inputs("step").last.fill(str(STEPS - 1))
        assert window.wait_until(lambda: is_at(LATER) and not is_at(FIRST)), window.errors
        assert replay.player.step == STEPS - 1
        window.window.keyboard.press("Escape")
        window.inputs("step").last.fill("0")
        assert window.wait_until(lambda: is_at(FIRST) and not is_at(LATER)), window.errors
        assert window.says("success")
    replay.close()
