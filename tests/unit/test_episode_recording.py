"""Which of a camera's images become rows, and which commands are their actions."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from sdm_core.errors import DatasetError
from sdm_policy_node.recording.episode_recording import EpisodeRecording, Observed

CONTRACT = small_contract()
DT_NS = CONTRACT.dt_ns


def rows(images_a_period: float, jitter: float = 0.0) -> EpisodeRecording:
    """What is taken of sixty periods' images, with stamps that jitter by a standard deviation in periods."""
    recording = EpisodeRecording(CONTRACT, in_order=True, max_skew_ns=DT_NS)
    noise = np.random.default_rng(0).normal(scale=jitter * DT_NS, size=int(60 * images_a_period))
    for number, late in enumerate(noise):
        stamp_ns = 10**12 + int(number * DT_NS / images_a_period + late)
        if recording.frame_seen(stamp_ns):
            recording.add_frame(Observed(stamp_ns, None))
    return recording


@pytest.mark.parametrize("jitter", [0.0, 0.01])
@pytest.mark.parametrize("multiple", [1, 2, 3, 4, 6, 9])
def test_of_a_camera_at_a_multiple_of_the_control_rate_one_image_a_period_is_a_row(multiple: int, jitter: float):
    recording = rows(multiple, jitter)
    assert (len(recording.frames), recording.gaps, recording.refusal) == (60, 0, "")


@pytest.mark.parametrize("images_a_period", [0.75, 1.25, 1.5])
def test_a_camera_at_no_multiple_of_the_control_rate_is_refused(images_a_period: float):
    assert "to that rate or to a multiple of it" in rows(images_a_period).refusal


SECOND_NS = 1_000_000_000
COMMAND_NS = 10_000_000


def recorded(
    latency_ns: int = 0,
    *,
    in_order: bool = False,
    clock_ns: int = 0,
    stamped: bool = True,
    lost: frozenset[int] = frozenset(),
) -> EpisodeRecording:
    """Eight frames that arrive so late, and commands at 100 Hz that arrive at once and hold the time at which they were
    given (s), by a clock that is so far ahead of the camera's."""
    recording = EpisodeRecording(CONTRACT, in_order, max_skew_ns=DT_NS)
    frames = [(step * DT_NS + latency_ns, 1, step * DT_NS) for step in range(8) if step not in lost]
    commands = [(given_ns, 0, given_ns) for given_ns in range(COMMAND_NS // 2, 9 * DT_NS, COMMAND_NS)]
    for _, is_frame, stamp_ns in sorted(frames + commands):
        if is_frame and recording.frame_seen(SECOND_NS + stamp_ns):
            recording.add_frame(Observed(SECOND_NS + stamp_ns, None))
            recording.add_state(SECOND_NS + stamp_ns, np.zeros(4))
        elif not is_frame:
            given_ns = SECOND_NS + stamp_ns + clock_ns if stamped else 0
            recording.add_command(given_ns, np.array([stamp_ns / SECOND_NS, 0.0, 1.0]))
    return recording


def given_after(recording: EpisodeRecording) -> np.ndarray:
    """How long after its frame's stamp each row's command was given (ms)."""
    actions = recording.episode().action[:, 0]
    return np.round(1e3 * (actions - np.arange(len(actions)) * CONTRACT.dt)).astype(int)


@pytest.mark.parametrize("latency_ms", [0, 3, 50, 90])
def test_an_image_s_action_is_the_command_at_its_stamp_however_late_the_image_comes(latency_ms: int):
    recording = recorded(latency_ms * 1_000_000)
    assert given_after(recording).tolist() == [5] * 8
    assert "by arrival" not in recording.account(8, None)


@pytest.mark.parametrize(("stamped", "clock_s"), [(False, 0), (True, 3600), (True, -3600)])
def test_commands_that_do_not_tell_when_they_were_given_are_paired_by_arrival(stamped: bool, clock_s: int):
    recording = recorded(50_000_000, stamped=stamped, clock_ns=clock_s * SECOND_NS)
    assert given_after(recording).tolist() == [55] * 8
    assert ("by arrival" in recording.account(8, None)) is stamped


@pytest.mark.parametrize("stamped", [True, False])
def test_in_a_silence_of_the_commands_a_row_holds_the_last_one_and_not_the_next(stamped: bool):
    recording = EpisodeRecording(CONTRACT, in_order=False, max_skew_ns=DT_NS)
    for row in range(100):
        stamp_ns = SECOND_NS + row * DT_NS
        assert recording.frame_seen(stamp_ns)
        recording.add_frame(Observed(stamp_ns, None))
        recording.add_state(stamp_ns, np.zeros(4))
        if row < 10 or row >= 70:
            gripper = float(row >= 70)
            recording.add_command(stamp_ns + COMMAND_NS if stamped else 0, np.array([row, 0.0, gripper]))
    action = recording.episode().action
    assert action[:, 0].tolist() == [*range(10), *[0] * 59, 70, *range(70, 100)]  # the contract's hold is 0
    assert action[:, 2].tolist() == [0] * 69 + [1] * 31
    assert recording.account(100, None).endswith("59 of them in silences of the commands, where the robot stays")
    assert "silence" not in recording.account(10, None)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_command_that_is_not_finite_costs_the_episode_and_its_topic_is_named(value: float):
    recording = recorded()
    recording.command_topic = "/native_command"
    recording.add_command(0, np.array([0.1, value, 1.0]))
    with pytest.raises(DatasetError, match="a command on /native_command holds NaN or infinite values"):
        recording.episode()


def test_in_order_as_many_commands_as_images_are_asked_for():
    with pytest.raises(DatasetError, match=r"90 commands for 8 images.* set pairing:=time"):
        recorded(in_order=True).episode()


@pytest.mark.parametrize(("commands", "kept"), [(5, False), (6, True), (7, True), (10, True), (11, False)])
def test_in_order_the_last_image_may_be_unanswered_and_its_chunk_longer_than_the_episode(commands: int, kept: bool):
    recording = EpisodeRecording(CONTRACT, in_order=True, max_skew_ns=DT_NS)
    for step in range(7):
        assert recording.frame_seen(SECOND_NS + step * DT_NS)
        recording.add_frame(Observed(SECOND_NS + step * DT_NS, None))
        recording.add_state(SECOND_NS + step * DT_NS, np.zeros(4))
    for _ in range(commands):
        recording.add_command(0, np.zeros(3))
    if kept:
        assert len(recording.episode().action) == min(commands, 7)
    else:
        with pytest.raises(DatasetError, match="cannot be paired in order"):
            recording.episode()


def test_in_order_no_image_may_be_lost():
    recording = EpisodeRecording(CONTRACT, in_order=True, max_skew_ns=DT_NS)
    for step in (0, 1, 3, 4):
        assert recording.frame_seen(SECOND_NS + step * DT_NS)
        recording.add_frame(Observed(SECOND_NS + step * DT_NS, None))
        recording.add_state(SECOND_NS + step * DT_NS, np.zeros(4))
    for _ in range(5):
        recording.add_command(0, np.zeros(3))
    with pytest.raises(DatasetError, match="5 commands for 4 images, 1 images missing"):
        recording.episode()
