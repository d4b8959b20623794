"""An exported .rrd holds the recording, read back by rerun's own reader."""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.linear_policy import LinearPolicy
from helpers.recordings import STEPS, moving_contract, moving_dataset
from sdm_cockpit.export.rerun_entities import RerunEntities
from sdm_cockpit.export.rerun_file import RerunFile
from sdm_cockpit.export.rerun_program import main
from sdm_cockpit.page import palette
from sdm_cockpit.replay.dataset_recordings import DatasetRecordings
from sdm_cockpit.replay.recording import Deeds, Recording
from sdm_cockpit.snapshot import Timing
from sdm_core.action_chunk import ActionChunk

SECOND_NS = 1_000_000_000
Rows = dict[str, list[tuple[int, dict[str, Any]]]]
"""By entity, (step, its components) in order."""


@pytest.fixture(scope="module")
def rerun() -> Any:
    return pytest.importorskip("rerun", reason="rerun-sdk is not installed: pip install 'sdm_cockpit[rerun]'")


@pytest.fixture(scope="module")
def made(rerun: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[DatasetRecordings, Path]:
    """A dataset of two episodes, and the file that is made of it."""
    folder = tmp_path_factory.mktemp("export")
    contract = moving_contract(images=True)
    store = moving_dataset(folder / "moving.zarr", contract)
    LinearPolicy(contract).write(folder / "student")
    main([str(store.path), "--checkpoint", str(folder / "student"), "-o", str(folder / "out.rrd")])
    assert sorted(path.name for path in folder.iterdir()) == ["moving.zarr", "out.rrd", "student"]
    return DatasetRecordings(store.path), folder / "out.rrd"


def rows(file: Path) -> tuple[Rows, dict[int, int]]:
    """What the file holds, and the time in ns of each step."""
    from rerun.chunk import RrdReader  # pyright: ignore[reportMissingImports] (an extra)

    found: Rows = defaultdict(list)
    times: dict[int, int] = {}
    for chunk in RrdReader(file).stream():
        batch = chunk.to_record_batch()
        if "step" not in batch.schema.names:
            continue  # of the file as a whole
        steps = batch["step"].to_pylist()
        times |= dict(zip(steps, batch["time"].cast("int64").to_pylist(), strict=True))
        components = [name for name in batch.schema.names if ":" in name]
        for row, step in enumerate(steps):
            values = {name: batch[name][row].as_py() for name in components}
            found[chunk.entity_path].append((step, {key: value for key, value in values.items() if value is not None}))
    return {entity: sorted(its, key=lambda row: row[0]) for entity, its in found.items()}, times


def test_every_entity_is_there_at_every_step(made) -> None:
    found, times = rows(made[1])
    each_step = {"/world/cloud", "/world/crop", "/world/tool", "/world/trail", "/world/plan/student", "/images/camera"}
    each_step |= {"/action/hand.dx", "/action/hand.dy", "/action/hand.dz"}
    assert each_step < found.keys()
    assert {entity: len(found[entity]) for entity in each_step} == dict.fromkeys(each_step, 2 * STEPS)
    # Episodes follow one another, a second between them.
    tenth = SECOND_NS // 10
    expected = [step * tenth for step in range(STEPS)] + [(STEPS + 9 + step) * tenth for step in range(STEPS)]
    assert [times[step] for step in range(2 * STEPS)] == expected


def test_values_come_back(made) -> None:
    recordings, file = made
    found, _ = rows(file)
    for episode, recording in enumerate(recordings):
        for step in range(STEPS):
            at = episode * STEPS + step
            (cloud,) = [row["Points3D:positions"] for number, row in found["/world/cloud"] if number == at]
            np.testing.assert_array_equal(np.float32(cloud), recording.cloud(step))
            image = found["/images/camera"][at][1]["Image:buffer"][0]
            assert bytes(image) == recording.images["camera"][step].tobytes()
            tool = found["/world/tool"][at][1]
            np.testing.assert_allclose(tool["Transform3D:translation"][0], recording.trail[step], rtol=1e-6)
            for name, value in recording.state_by_name(step).items():
                assert found[f"/state/{name}"][at][1]["Scalars:scalars"] == [value]
            assert found["/action/hand.dx"][at][1]["Scalars:scalars"] == [recording.action[step, 0]]
    way = np.array(found["/world/plan/recorded"][3][1]["LineStrips3D:strips"])
    np.testing.assert_allclose(way[:, 0], recordings[0].trail[4:7], rtol=1e-6)
    np.testing.assert_allclose(way[:, 1], recordings[0].trail[5:8], rtol=1e-6)
    events = [row["TextLog:text"][0] for _, row in found["/events"]]
    assert events == [recording.title for recording in recordings]


def test_a_plan_that_has_ended_is_wiped_away(made) -> None:
    found, _ = rows(made[1])
    ended = [step for step, row in found["/world/plan/recorded"] if "Clear:is_recursive" in row]
    assert ended == [STEPS - 2, 2 * STEPS - 2]  # a single place is no line


def test_what_the_nodes_did_meanwhile_is_told(rerun: Any, tmp_path: Path) -> None:
    recording = moving_recording(tmp_path)
    with RerunFile(rerun, tmp_path / "out.rrd") as stream:
        RerunEntities(rerun, stream).add(recording, [()] * STEPS, 0.0)
    found, _ = rows(tmp_path / "out.rrd")
    texts = [(step, row["TextLog:text"][0], row["TextLog:level"][0]) for step, row in found["/events"]]
    assert texts == [
        (0, recording.title, "INFO"),
        (3, "gate: velocity, workspace", "WARN"),
        (5, "nothing commanded: no image", "WARN"),
    ]
    assert [(step, row["Scalars:scalars"]) for step, row in found["/timing/loop_ms"]] == [(2, [12.0])]
    # Of the chunk that began at step 2, two places lie behind at step 4.
    chunk = dict(found["/world/plan/policy"])[4]
    first, *_, last = chunk["LineStrips3D:radii"]
    assert first > last
    red, green, blue = palette.PLANS[1][0]
    assert chunk["LineStrips3D:colors"][0] == red << 24 | green << 16 | blue << 8 | 255


def moving_recording(folder: Path) -> Recording:
    """An episode as a bag tells it: a chunk of four steps, its timing, a clamp and a refusal."""
    (plain,) = DatasetRecordings(moving_dataset(folder / "moving.zarr", episodes=1).path)
    chunk = ActionChunk(0, plain.contract.dt_ns, np.ones((4, 3)), 7)
    deeds = Deeds(
        chunks={2: chunk},
        timings={2: Timing(1.0, 2.0, 0.5, 12.0, 8.0, 80.0)},
        clamps={3: ("velocity", "workspace")},
        refusals={5: "no image"},
    )
    return replace(plain, deeds=deeds)


def test_an_error_is_one_line_and_leaves_nothing(rerun: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.zarr"), "-o", str(tmp_path / "out.rrd")])
    assert str(ended.value).startswith(f"error: {tmp_path}/none.zarr: no such file or folder")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_one_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.zarr"), "-o", str(tmp_path / "out.rrd")])
    assert str(ended.value).endswith("run `pip install 'sdm_cockpit[rerun]'`")
    assert "\n" not in str(ended.value)
    assert list(tmp_path.iterdir()) == []
