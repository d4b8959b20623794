"""Episodes on disk: DP3's layout, whole episodes or none whatever interrupts the writer, and clear errors."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zarr
from helpers.contracts import image_contract, small_contract
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import SUCCESS, Episode, EpisodeStore, image_arrays
from sdm_core.errors import ContractError, DatasetError

# zarr warns of folders and temporary files that an interrupted writer left.
pytestmark = pytest.mark.filterwarnings("ignore:Object at .* is not recognized")

POINTS, STATE, ACTION = 32, 4, 3


def episode(seed: int, steps: int = 40) -> Episode:
    """A reproducible episode of the small contract."""
    rng = np.random.default_rng(seed)
    return Episode(
        rng.standard_normal((steps, STATE), np.float32),
        rng.standard_normal((steps, ACTION), np.float32),
        rng.standard_normal((steps, POINTS, 3), np.float32),
    )


def filled(path: Path, contract: Contract, lengths: list[int]) -> EpisodeStore:
    """A store of episodes 0, 1, … of these lengths."""
    store = EpisodeStore.create(path, contract)
    for seed, steps in enumerate(lengths):
        store.append(episode(seed, steps), {"seed": seed})
    return store


def assert_holds(store: EpisodeStore, lengths: list[int]) -> None:
    """The store holds episodes 0, 1, … of these lengths, and nothing else."""
    assert store.episode_ends.tolist() == np.cumsum(lengths).tolist()
    assert [entry["seed"] for entry in store.provenance] == list(range(len(lengths)))
    expected = [episode(seed, steps).arrays() for seed, steps in enumerate(lengths)]
    for name in ("state", "action", "point_cloud"):
        if expected:
            np.testing.assert_array_equal(store.read(name), np.concatenate([arrays[name] for arrays in expected]))


# -- the layout ----------------------------------------------------------------------------------------------------


def test_episodes_come_back_as_they_went_in(tmp_path: Path, contract: Contract) -> None:
    filled(tmp_path / "a.zarr", contract, [40, 1, 63, 100])
    store = EpisodeStore.open(tmp_path / "a.zarr")
    assert len(store) == 4
    assert store.contract == contract
    assert_holds(store, [40, 1, 63, 100])


def test_some_rows_can_be_read_alone(tmp_path: Path, contract: Contract) -> None:
    store = filled(tmp_path / "a.zarr", contract, [40, 70])
    np.testing.assert_array_equal(store.read("point_cloud", slice(40, 110)), episode(1, 70).point_cloud)


def test_who_only_looks_leaves_an_append_that_goes_on_alone(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [40])
    zarr.open_array(str(path / "data/state"), mode="r+").resize((60, STATE))  # another process is appending
    store = EpisodeStore.view(path)
    assert len(store) == 1
    np.testing.assert_array_equal(store.read("state", slice(0, 40)), episode(0).state)
    assert zarr.open_array(str(path / "data/state"), mode="r").shape == (60, STATE)
    with pytest.raises(DatasetError, match="no such dataset"):
        EpisodeStore.view(tmp_path / "b.zarr")


def test_a_view_is_of_the_episodes_that_were_there_however_many_follow(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    store = filled(path, contract, [40])
    view = EpisodeStore.view(path)
    zarr.open_array(str(path / "data/state"), mode="r+").resize((60, STATE))  # another process is appending
    assert_holds(view, [40])
    store.append(episode(1, 70), {"seed": 1}, success=True)
    assert_holds(view, [40])
    assert len(view.outcomes) == 1
    assert_holds(EpisodeStore.view(path), [40, 70])


def looks_for_training(path: Path) -> None:
    from sdm_training.data.windows import Demonstrations

    assert len(Demonstrations.load(str(path)).state) == 40


def looks_for_an_import(path: Path) -> None:
    from sdm_training.programs.import_dp3 import ImportDp3Settings, task_contract

    assert task_contract(ImportDp3Settings.model_construct(task="test/reach", data=str(path))).task == "test/reach"


def looks_for_a_crop_box(path: Path) -> None:
    from sdm_policy_node.crop.program import parser, run

    run(parser().parse_args([str(path), "-o", str(path.with_suffix(".png"))]))


def looks_for_lerobot(path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    from sdm_policy_node.convert.program import main

    main([str(path), "--lerobot", "-o", str(path.with_suffix(""))])


@pytest.mark.parametrize(
    "look", [looks_for_training, looks_for_an_import, looks_for_a_crop_box, looks_for_lerobot], ids=lambda f: f.__name__
)
def test_programs_that_read_leave_an_append_that_goes_on_alone(
    look: Callable[[Path], None], tmp_path: Path, contract: Contract
) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [40])
    for name, row in (("state", (STATE,)), ("point_cloud", (POINTS, 3))):
        zarr.open_array(str(path / "data" / name), mode="r+").resize((60, *row))  # another process is appending
    partial = path / "data" / "action" / "1.0.partial"
    partial.touch()
    look(path)
    assert zarr.open_array(str(path / "data/state"), mode="r").shape == (60, STATE)
    assert partial.exists()


# Adds ten episodes to a store, each with its number as provenance.
ADDS = """
import sys
sys.path.insert(0, sys.argv[2])
from test_dataset import episode
from sdm_core.datasets.dataset import EpisodeStore
store = EpisodeStore.open(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
for number in range(10):
    store.append(episode(number, 20 + number), {"by": sys.argv[3], "number": number}, success=True)
"""


def test_two_processes_may_add_to_one_store(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "demos.zarr"
    EpisodeStore.create(path, contract)
    command = [sys.executable, "-c", ADDS, str(path), str(Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for name in ("first", "second")
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "open\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert not writer.returncode
    store = EpisodeStore.view(path)
    assert len(store) == len(store.provenance) == 20
    assert store.outcomes.tolist() == [SUCCESS] * 20
    for name in ("first", "second"):
        own = [index for index, entry in enumerate(store.provenance) if entry["by"] == name]
        assert [store.provenance[index]["number"] for index in own] == list(range(10))
        starts = [0, *store.episode_ends.tolist()]
        for number, index in enumerate(own):
            rows = slice(starts[index], starts[index + 1])
            np.testing.assert_array_equal(store.read("action", rows), episode(number, 20 + number).action)


def test_dp3_s_reader_finds_its_keys_in_zarr_format_2(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    store = filled(path, contract, [40, 30])
    depth = np.arange(20 * 12 * 16, dtype=np.uint16).reshape(20, 12, 16)
    assert json.loads((path / ".zgroup").read_text()) == {"zarr_format": 2}
    for key in ("data/state", "data/action", "data/point_cloud", "meta/episode_ends"):
        assert json.loads((path / key / ".zarray").read_text())["zarr_format"] == 2
    assert not list(path.rglob("zarr.json"))
    root = zarr.open_group(str(path), mode="r", zarr_format=2)
    assert set(root["data"].array_keys()) == {"state", "action", "point_cloud"}  # pyright: ignore[reportAttributeAccessIssue]
    assert np.asarray(root["meta/episode_ends"]).tolist() == [40, 70]
    np.testing.assert_array_equal(np.asarray(root["data/action"]), store.read("action"))

    with_depth = EpisodeStore.create(tmp_path / "b.zarr", contract)
    plain = episode(0, 20)
    with_depth.append(Episode(plain.state, plain.action, plain.point_cloud, {"depth": depth}))
    np.testing.assert_array_equal(EpisodeStore.open(tmp_path / "b.zarr").read("depth"), depth)


def test_images_come_back_as_they_went_in_under_diffusion_policy_s_name(tmp_path: Path) -> None:
    contract = image_contract(cameras=("front", "wrist"))
    plain = episode(0, 20)
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 256, (20, 6, 8, 3)).astype(np.uint8) for name in ("img", "img_wrist")}
    assert list(image_arrays(contract)) == list(images)
    EpisodeStore.create(tmp_path / "a.zarr", contract).append(Episode(plain.state, plain.action, extra=images))
    store = EpisodeStore.open(tmp_path / "a.zarr")
    for name, values in images.items():
        assert store.read(name).dtype == np.uint8
        np.testing.assert_array_equal(store.read(name), values)
    wrong = {
        "lacks img_wrist": {"img": images["img"]},
        "img rows of shape (5, 8, 3)": {**images, "img": images["img"][:, :5]},
        "img of type float32 given, uint8 expected": {**images, "img": images["img"].astype(np.float32)},
    }
    for named, extra in wrong.items():
        with pytest.raises(DatasetError) as caught:
            store.append(Episode(plain.state, plain.action, extra=extra))
        assert named in str(caught.value)
    assert len(EpisodeStore.open(tmp_path / "a.zarr")) == 1


def test_an_empty_store_opens_empty(tmp_path: Path, contract: Contract) -> None:
    EpisodeStore.create(tmp_path / "a.zarr", contract)
    assert len(EpisodeStore.open(tmp_path / "a.zarr")) == 0


def test_a_store_continues_under_its_own_contract_only(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [5])
    EpisodeStore.open_or_create(path, contract).append(episode(1, 6), {"seed": 1})
    assert_holds(EpisodeStore.open(path), [5, 6])
    with pytest.raises(DatasetError, match=r"another contract \(task: 'test/reach' expected, 'test/push' found\)"):
        EpisodeStore.open_or_create(path, small_contract(task="test/push"))


def test_does_not_overwrite_what_is_there(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [5])
    with pytest.raises(DatasetError, match="exists already"):
        EpisodeStore.create(path, contract)
    assert_holds(EpisodeStore.open(path), [5])


def test_an_interrupted_creation_leaves_nothing_in_the_way(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Contract, "document", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            EpisodeStore.create(tmp_path / "a.zarr", contract)
    assert list(tmp_path.iterdir()) == []
    assert len(EpisodeStore.open_or_create(tmp_path / "a.zarr", contract)) == 0


# -- what does not fit ---------------------------------------------------------------------------------------------


def test_an_episode_of_other_shapes_is_refused_and_leaves_no_trace(tmp_path: Path, contract: Contract) -> None:
    store = filled(tmp_path / "a.zarr", contract, [5])
    good = episode(1, 6)
    assert good.point_cloud is not None
    depth = np.zeros((6, 12, 16), np.uint16)
    wrong = {
        "state rows of shape (5,)": Episode(np.zeros((6, 5)), good.action, good.point_cloud),
        "action rows of shape (2,)": Episode(good.state, np.zeros((6, 2)), good.point_cloud),
        "point_cloud rows of shape (31, 3)": Episode(good.state, good.action, np.zeros((6, 31, 3))),
        "point_cloud rows of shape (32, 6)": Episode(good.state, good.action, np.zeros((6, 32, 6))),
        "lengths [5, 6]": Episode(good.state[:5], good.action, good.point_cloud),
        "lengths [0]": Episode(good.state[:0], good.action[:0], good.point_cloud[:0]),
        "brings": Episode(good.state, good.action, good.point_cloud, {"depth": depth}),
    }
    for named, bad in wrong.items():
        with pytest.raises(DatasetError) as caught:
            store.append(bad)
        assert named in str(caught.value)
    store.append(good, {"seed": 1})
    assert_holds(EpisodeStore.open(tmp_path / "a.zarr"), [5, 6])


def test_depth_of_another_unit_is_refused_and_not_rounded_to_nothing(tmp_path: Path, contract: Contract) -> None:
    store = EpisodeStore.create(tmp_path / "a.zarr", contract)
    first, second = episode(0, 5), episode(1, 6)
    millimetres = np.full((5, 12, 16), 712, np.uint16)
    store.append(Episode(first.state, first.action, first.point_cloud, {"depth": millimetres}))
    metres = np.full((6, 12, 16), 0.712, np.float32)
    with pytest.raises(DatasetError, match="depth of type float32 given, the episodes before have uint16"):
        store.append(Episode(second.state, second.action, second.point_cloud, {"depth": metres}))
    np.testing.assert_array_equal(EpisodeStore.open(tmp_path / "a.zarr").read("depth"), millimetres)


def test_a_store_with_other_shapes_than_its_contract_is_refused(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [5])
    root = zarr.open_group(str(path), mode="r+", zarr_format=2)
    root.attrs["contract"] = small_contract(state=("hand.x", "hand.y")).document()
    with pytest.raises(DatasetError, match=r"data/state has rows of shape \(4,\), \(2,\) expected"):
        EpisodeStore.open(path)


def test_an_array_that_is_not_there_is_named(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    store = filled(path, contract, [5])
    with pytest.raises(DatasetError, match="has no data/depth"):
        store.read("depth")
    shutil.rmtree(path / "data" / "action")
    with pytest.raises(DatasetError, match="data/action"):
        EpisodeStore.open(path)


# -- what is missing or broken -------------------------------------------------------------------------------------


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "no folder": shutil.rmtree,
    "no contract": lambda path: (path / ".zattrs").unlink(),
    "attributes cut short": lambda path: truncate(path / ".zattrs"),
    "no group": lambda path: (path / ".zgroup").unlink(),
    "no episode ends": lambda path: shutil.rmtree(path / "meta"),
    "no data": lambda path: shutil.rmtree(path / "data"),
    "state's description cut short": lambda path: truncate(path / "data" / "state" / ".zarray"),
    "episode ends cut short": lambda path: truncate(path / "meta" / "episode_ends" / "0"),
    "episode ends lost": lambda path: (path / "meta" / "episode_ends" / "0").unlink(),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_store_is_one_clear_error_and_is_not_touched(
    breakage: str, tmp_path: Path, contract: Contract
) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [40, 40])
    BREAKAGES[breakage](path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError) as caught:
        EpisodeStore.open(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_malformed_contract_is_named_as_such(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [5])
    zarr.open_group(str(path), mode="r+", zarr_format=2).attrs["contract"] = {"task": "test/reach"}
    with pytest.raises(ContractError, match=r"a\.zarr: contract: "):
        EpisodeStore.open(path)


def test_a_file_or_another_zarr_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    zarr.open_group(str(tmp_path / "other.zarr"), mode="w", zarr_format=3)
    for name in ("file", "other.zarr"):
        with pytest.raises(DatasetError, match=name):
            EpisodeStore.open(tmp_path / name)


def test_a_broken_chunk_is_one_clear_error(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    store = filled(path, contract, [40])
    truncate(path / "data" / "state" / "0.0")
    with pytest.raises(DatasetError, match="data/state"):
        store.read("state")


def test_a_copy_that_lacks_rows_is_refused(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [40, 40])
    zarr.open_array(str(path / "data" / "action"), mode="r+", zarr_format=2).resize((50, ACTION))
    with pytest.raises(DatasetError, match="data/action has 50 rows, 80 expected"):
        EpisodeStore.open(path)


# -- interruptions -------------------------------------------------------------------------------------------------

# Where the appended episode starts: nothing there yet; inside a chunk of rows, and on a new chunk of episode ends.
STARTS = {"empty": [], "64 episodes": [36] + [1] * 63}
NAMES_TOUCHED = ("replace", "rename", "unlink", "rmdir", "mkdir")


@pytest.fixture(scope="module", params=STARTS)
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A store to be copied and appended to, and the lengths of its episodes."""
    path = tmp_path_factory.mktemp("start") / "a.zarr"
    lengths = STARTS[request.param]
    store = EpisodeStore.create(path, small_contract())
    if not lengths:
        return path, lengths
    # All episodes written at once: appending them takes seconds.
    episodes = [episode(seed, steps) for seed, steps in enumerate(lengths)]
    state, action, cloud = (
        np.concatenate([getattr(each, name) for each in episodes]) for name in ("state", "action", "point_cloud")
    )
    store.append(Episode(state, action, cloud))
    root = zarr.open_group(str(path), mode="r+", zarr_format=2)
    root.attrs["provenance"] = [{"seed": seed} for seed in range(len(lengths))]
    ends = zarr.open_array(str(path / "meta" / "episode_ends"), mode="r+", zarr_format=2)
    ends.resize((len(lengths),))
    ends[:] = np.cumsum(lengths)
    return path, lengths


@contextmanager
def failing_from(operation: int, error: OSError, lasting: bool) -> Iterator[list[str]]:
    """Lets writes fail from the given one on, or that one only; yields the names of those that were asked."""
    asked: list[str] = []
    originals = {name: getattr(os, name) for name in NAMES_TOUCHED}

    def guarded(name: str) -> Callable:
        def change(*args, **kwargs):
            if name == "replace":  # every write ends in one; the others take no room
                asked.append(name)
                if len(asked) - 1 == operation or (lasting and len(asked) > operation):
                    raise error
            return originals[name](*args, **kwargs)

        return change

    with pytest.MonkeyPatch.context() as patch:
        for name in originals:
            patch.setattr(os, name, guarded(name))
        yield asked


@pytest.mark.parametrize("lasting", [False, True], ids=["one failed write", "disk stays full"])
def test_a_full_disk_at_any_write_drops_that_episode_only(
    start: tuple[Path, list[int]], lasting: bool, tmp_path: Path
) -> None:
    source, lengths = start
    messages: list[str] = []
    for operation in range(100):
        path = tmp_path / f"{operation}.zarr"
        shutil.copytree(source, path)
        store = EpisodeStore.open(path)
        with failing_from(operation, OSError(errno.ENOSPC, "No space left on device"), lasting) as asked:
            try:
                store.append(episode(len(lengths), 50), {"seed": len(lengths)})
            except DatasetError as error:
                messages.append(str(error))
        if len(asked) <= operation:
            break
        assert len(messages) == operation + 1, f"a failed {asked[operation]} went unnoticed"
        # zarr writes an array's two metadata files at once: the other's temporary file may vanish during the copy.
        shutil.copytree(path, tmp_path / "as left.zarr", ignore=shutil.ignore_patterns("*.partial"))
        # As another process finds it, and as this one goes on once there is room again.
        assert_holds(EpisodeStore.open(tmp_path / "as left.zarr"), lengths)
        shutil.rmtree(tmp_path / "as left.zarr")
        assert len(store) == len(lengths)
        store.append(episode(len(lengths), 30), {"seed": len(lengths)})
        assert_holds(EpisodeStore.open(path), [*lengths, 30])
        shutil.rmtree(path)
    assert len(messages) >= 6
    assert all("No space left on device; the episode is dropped" in message for message in messages)


KILLED_WRITER = """
import os, shutil, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_dataset import NAMES_TOUCHED, EpisodeStore, episode

source, room, count = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
for operation in range(100):
    path = room / f"{operation}.zarr"
    shutil.copytree(source, path)
    child = os.fork()
    if child == 0:
        store = EpisodeStore.open(path)
        asked = 0
        for name in NAMES_TOUCHED:
            def change(*args, original=getattr(os, name), **kwargs):
                global asked
                if asked == operation:
                    os.kill(os.getpid(), signal.SIGKILL)
                asked += 1
                return original(*args, **kwargs)
            setattr(os, name, change)
        store.append(episode(count, 50), {"seed": count})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
"""


def test_a_writer_killed_at_any_write_leaves_whole_episodes(start: tuple[Path, list[int]], tmp_path: Path) -> None:
    source, lengths = start
    command = [
        sys.executable,
        "-c",
        KILLED_WRITER,
        str(Path(__file__).parent),
        str(source),
        str(tmp_path),
        str(len(lengths)),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    subprocess.run(command, check=True, env=environment)
    paths = sorted(tmp_path.iterdir(), key=lambda path: int(path.stem))
    assert len(paths) >= 6
    for path in paths[:-1]:
        store = EpisodeStore.open(path)
        if len(store) == len(lengths):
            assert_holds(store, lengths)
            store.append(episode(len(lengths), 50), {"seed": len(lengths)})
        assert_holds(EpisodeStore.open(path), [*lengths, 50])
    assert_holds(EpisodeStore.open(paths[-1]), [*lengths, 50])


def test_rows_beyond_the_last_end_are_rolled_back_on_opening(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [40])
    array = zarr.open_array(str(path / "data" / "state"), mode="r+", zarr_format=2)
    array.resize((100, STATE))
    array[40:] = 7.0
    assert len(EpisodeStore.open(path).read("state")) == 40
    assert zarr.open_array(str(path / "data" / "state"), mode="r", zarr_format=2).shape == (40, STATE)


def test_an_interrupted_commit_leaves_a_store_that_opens(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C reaches the caller while the write goes on in zarr's thread: the end may be counted all the same."""
    path = tmp_path / "a.zarr"
    store = filled(path, contract, [40])
    commit = store._extend_ends

    def interrupted(end: int) -> None:
        commit(end)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_extend_ends", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.append(episode(1, 30), {"seed": 1})
    assert_holds(EpisodeStore.open(path), [40, 30])


FULL_DISK = """
import os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_dataset import DatasetError, EpisodeStore, episode

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = EpisodeStore.open(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    store.append(episode(1, 60), {"seed": 1})
except DatasetError as error:
    assert "earlier ones are whole" in str(error), error
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    store.append(episode(1, 50), {"seed": 1})
    sys.exit(0)
sys.exit("the episode was taken")
"""


def test_a_real_file_size_limit_drops_that_episode_only(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "a.zarr"
    filled(path, contract, [40])
    command = [sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert_holds(EpisodeStore.open(path), [40, 50])
    assert not list(path.rglob("*.partial"))
