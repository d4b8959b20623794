"""Videos of recordings: what is drawn lies where it is, the nearer before the farther, and files are whole or none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest
from helpers.linear_policy import LinearPolicy
from helpers.recordings import STEPS, moving_contract, moving_dataset, recordings_at
from sdm_cockpit.page import palette
from sdm_cockpit.replay.recording import Deeds, Recording
from sdm_cockpit.snapshot import Plan, Timing
from sdm_cockpit.video.episode_frames import HEIGHT, WIDTH, EpisodeFrames
from sdm_cockpit.video.point_splats import draw_points, visible_points
from sdm_cockpit.video.program import main
from sdm_cockpit.video.scene_view import SceneView
from sdm_cockpit.video.strips import strips_of
from sdm_cockpit.video.video_file import video_file
from sdm_cockpit.video.viewpoint import Viewpoint

RED, GREEN = (255, 0, 0), (0, 255, 0)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return next(recordings_at(str(moving_dataset(tmp_path / "x.zarr").path)))


# -- the camera ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("azimuth", [0.0, 1.0, 4.0])
def test_all_points_are_in_sight_and_fill_the_picture(azimuth: float) -> None:
    points = np.random.default_rng(0).uniform((1, -2, 0), (1.5, -1, 0.3), (200, 3))
    pixels, depth = Viewpoint.around(points, azimuth, 0.5, 320, 240).project(points)
    assert (depth > 0).all()
    assert (pixels >= 0).all()
    assert (pixels <= (320, 240)).all()
    assert (np.ptp(pixels, axis=0) > 0.75 * np.array([320, 240])).any()


def test_up_is_up_and_the_right_is_right() -> None:
    view = Viewpoint.around(np.array([[-1.0, -1, -1], [1, 1, 1]]), azimuth=0.0, elevation=0.0, width=100, height=100)
    (middle, right, above), _ = view.project(np.array([[0.0, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]))
    np.testing.assert_allclose(middle, (50, 50))
    assert (right[0] > 50, right[1]) == (True, pytest.approx(50))  # seen from +x, y points to the right
    assert (above[0], above[1] < 50) == (pytest.approx(50), True)


def test_what_lies_behind_the_camera_has_no_pixel() -> None:
    view = Viewpoint.around(np.array([[-1.0, -1, -1], [1, 1, 1]]), 0.0, 0.0, 100, 100)
    pixels, _ = view.project(np.array([[100.0, 0, 0]]))
    assert np.isnan(pixels).all()


# -- clouds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_point_covers_the_farther_one(order: tuple[int, int]) -> None:
    view = Viewpoint.around(np.array([[-1.0, -1, -1], [1, 1, 1]]), 0.0, 0.0, 100, 100)
    points = np.array([[0.5, 0, 0], [-0.5, 0, 0]])[list(order)]
    colours = np.array([RED, GREEN], np.uint8)[list(order)]
    picture = np.zeros((100, 100, 3), np.uint8)
    draw_points(picture, points, colours, 0.1, view)
    assert picture[50, 50].tolist() == list(RED)
    assert not picture[:, :, 1].any()
    assert visible_points(points, 0.1, view) == 1
    assert visible_points(points + np.array([[0, 0, 0], [0, 0.5, 0]]), 0.1, view) == 2


def test_a_ball_has_its_size_and_stays_within_the_picture() -> None:
    view = Viewpoint.around(np.array([[-1.0, -1, -1], [1, 1, 1]]), 0.0, 0.0, 100, 100)
    (_,), (depth,) = view.project(np.zeros((1, 3)))
    picture = np.zeros((100, 100, 3), np.uint8)
    draw_points(picture, np.zeros((1, 3)), np.array([RED], np.uint8), 0.2, view)
    radius = view.focal * 0.2 / depth
    assert picture.any(axis=2).sum() == pytest.approx(math.pi * radius**2, rel=0.1)
    picture[:] = 0
    draw_points(picture, np.array([[0, 50.0, 0]]), np.array([RED], np.uint8), 0.2, view)
    assert not picture.any()


# -- frames --------------------------------------------------------------------------------------------------------


def test_the_plan_is_drawn_where_it_leads(recording: Recording) -> None:
    view = SceneView(recording, 320, 240)
    assert recording.trail is not None
    start = recording.trail[5]
    plan = Plan(0, np.zeros((2, 3)), start + np.array([[0, 0, 0.05], [0, 0, 0.1]]), executed=0, label="student")
    without = np.asarray(view.draw(recording.snapshot(5), 5)).astype(int)
    with_plan = np.asarray(view.draw(recording.snapshot(5, [plan]), 5)).astype(int)
    rows, columns = np.nonzero(np.abs(with_plan - without).sum(axis=2) > 60)
    ends, _ = view._view.project(np.stack([start, start + np.array([0, 0, 0.1])]))
    places = np.stack([columns, rows], axis=1)
    low, high = ends.min(axis=0) / 2 - 8, ends.max(axis=0) / 2 + 8
    assert len(places) > 20
    assert ((low <= places) & (places <= high)).all()


def test_coloured_points_are_drawn_in_their_own_colour(tmp_path: Path) -> None:
    path = moving_dataset(tmp_path / "x.zarr", moving_contract(coloured=True)).path
    recording = next(recordings_at(str(path)))
    assert recording.clouds is not None
    recording.clouds[:, :8, 3:] = (1.0, 0.0, 0.0)
    picture = np.asarray(SceneView(recording, 320, 240).draw(replace(recording.snapshot(5), plans=()), 5)).astype(int)
    red = (picture[..., 0] > 100) & (picture[..., 1:] < 30).all(axis=-1)
    assert red.sum() > 50


def test_a_frame_holds_the_camera_s_image_and_what_the_gate_did(tmp_path: Path) -> None:
    path = moving_dataset(tmp_path / "x.zarr", moving_contract(images=True)).path
    recording = next(recordings_at(str(path)))
    timing = Timing(1.0, 2.0, 0.5, 140.0, 8.0, 10.0, 100.0)
    deeds = Deeds(timings={3: timing}, clamps={3: ("velocity",)})
    recording = replace(recording, deeds=deeds, images={"camera": np.full((STEPS, 6, 8, 3), RED, np.uint8)})
    frames = EpisodeFrames(recording, [()] * STEPS)
    calm, clamped = frames.draw(2), frames.draw(3)
    assert calm.shape == (HEIGHT, WIDTH, 3)
    assert (calm == RED).all(axis=2).sum() == 320 * 240
    warned = (np.array(palette.WARNING) == clamped[:48]).all(axis=2).sum()
    assert warned > 20
    assert not (np.array(palette.WARNING) == calm[:48]).all(axis=2).any()


def test_strips_show_each_command_and_the_loop_with_its_deadline(recording: Recording) -> None:
    assert [strip.title.split("  ")[0] for strip in strips_of(recording)] == ["hand.dx", "hand.dy", "hand.dz"]
    timed = replace(recording, deeds=Deeds(timings={3: Timing(1.0, 2.0, 0.5, 140.0, 8.0, 10.0, 100.0)}))
    loop = strips_of(timed)[-1]
    assert (loop.limit, loop.high) == (100.0, pytest.approx(168.0))
    assert np.isfinite(loop.lines[0]).tolist() == [step == 3 for step in range(STEPS)]


@pytest.mark.parametrize("without", ["cloud", "place"])
def test_what_was_not_recorded_is_not_drawn(recording: Recording, without: str) -> None:
    contract = recording.contract
    if without == "cloud":
        observation = contract.observation.model_copy(update={"cloud": None})
        recording = replace(recording, clouds=None)
    else:
        renamed = tuple(
            entry.model_copy(update={"name": f"joint{index}"}) for index, entry in enumerate(contract.observation.state)
        )
        observation = contract.observation.model_copy(update={"state": renamed})
    recording = replace(recording, contract=contract.model_copy(update={"observation": observation}))
    assert EpisodeFrames(recording, [()] * STEPS).draw(4).any()


# -- the program ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "width"), [("out.mp4", 960), ("out.gif", 320)])
def test_a_video_lasts_as_long_as_the_episodes_and_their_ends(tmp_path: Path, name: str, width: int) -> None:
    contract = moving_contract()
    path = moving_dataset(tmp_path / "x.zarr", contract).path
    LinearPolicy(contract).write(tmp_path / "student")
    output = tmp_path / name
    options = ["--checkpoint", str(tmp_path / "student"), "--speed", "2", "--width", str(width)]
    main([f"{path}:1", *options, "-o", str(output)])
    frames = [frame.shape[1] for frame in imageio.mimread(output, memtest="1GB")]
    # 1.1 s, twice as fast, are 12 frames of 50 ms; the end stays for a second. A GIF's writer joins equal frames.
    assert frames == [width] * (32 if name == "out.mp4" else 12)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([name, "student", "x.zarr"])


def test_a_gif_keeps_the_colour_of_a_thin_line(tmp_path: Path) -> None:
    shades = np.arange(240 * 320).reshape(240, 320) % 251
    frame = np.stack([shades // 4, shades // 2, shades], axis=-1).astype(np.uint8)
    frame[100, 20:60] = RED
    with video_file(tmp_path / "out.gif", 20, 320) as video:
        video.add(frame)
    (kept,) = imageio.mimread(tmp_path / "out.gif")
    assert np.abs(kept[100, 20:60, :3].astype(int) - RED).max() < 16


@pytest.mark.parametrize(("name", "line"), [("out.avi", "a video is a file .mp4 or .gif"), ("out.mp4", "no such file")])
def test_an_error_is_one_line_and_leaves_nothing(tmp_path: Path, name: str, line: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.zarr"), "-o", str(tmp_path / name)])
    assert line in str(ended.value)
    assert "\n" not in str(ended.value)
    assert list(tmp_path.iterdir()) == []
