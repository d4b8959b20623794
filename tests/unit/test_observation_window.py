"""The window: alignment against a brute-force oracle, and every reason to refuse."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import image_contract, small_contract
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sdm_core.errors import ObservationError
from sdm_core.runtime.observation_window import ObservationWindow

DT = 100_000_000  # ns, at the small contract's 10 Hz
MS = 1_000_000


def state(mark: float) -> NDArray[np.float64]:
    return np.full(4, float(mark))


def cloud(mark: float) -> NDArray[np.float32]:
    return np.full((32, 3), mark, np.float32)


def window(steps: int = 2, cloud_steps: int = 1, **limits: float) -> ObservationWindow:
    return ObservationWindow(small_contract(n_obs_steps=steps, cloud={"steps": cloud_steps}), **limits)


def marks(array: NDArray | None) -> list[float]:
    """The marks of stacked states, clouds or images."""
    assert array is not None
    return array.reshape(len(array), -1)[:, 0].tolist()


@given(
    st.lists(st.integers(1, 250), min_size=1, max_size=25),
    st.integers(1, 4),
    st.integers(1, 120),
    st.integers(0, 2500),
)
def test_states_are_the_nearest_to_each_wanted_stamp_or_it_is_refused(
    gaps_ms: list[int], steps: int, skew_ms: int, wanted_ms: int
) -> None:
    """Against an oracle that keeps everything; irregular stamps, drops, and any stamp of a cloud."""
    stamps = np.cumsum(gaps_ms) * MS
    # Old enough a history that the window cannot have forgotten what is asked for.
    subject = window(steps, max_age_s=10.0, max_skew_s=skew_ms / 1e3)
    for index, stamp in enumerate(stamps.tolist()):
        subject.add_state(stamp, state(index))
    at = wanted_ms * MS
    subject.add_cloud(at, cloud(7))

    expected: list[float] = []
    for back in range(steps - 1, -1, -1):
        wanted = max(at - back * DT, int(stamps[0]))
        distance = np.abs(stamps - wanted)
        if distance.min() > skew_ms * MS:
            with pytest.raises(ObservationError, match=r"nearest state lies .* ms allowed"):
                subject.policy_input(at)
            return
        expected.append(float(distance.argmin()))
    observed = subject.policy_input(at)
    assert observed.stamp_ns == at
    assert observed.state.shape == (steps, 4)
    assert observed.state.dtype == np.float64
    assert marks(observed.state) == expected
    assert marks(observed.cloud) == [7]


def test_at_the_start_the_first_state_and_cloud_are_repeated() -> None:
    subject = window(steps=3, cloud_steps=3)
    subject.add_state(0, state(1))
    subject.add_cloud(0, cloud(1))
    first = subject.policy_input(0)
    assert marks(first.state) == [1, 1, 1]
    assert marks(first.cloud) == [1, 1, 1]
    subject.add_state(DT, state(2))
    subject.add_cloud(DT, cloud(2))
    second = subject.policy_input(DT)
    assert marks(second.state) == [1, 1, 2]
    assert marks(second.cloud) == [1, 1, 2]


def test_a_cloud_that_lags_its_states_finds_those_of_its_own_time() -> None:
    subject = window(steps=2, max_age_s=0.5)
    for index in range(30):
        subject.add_state(index * DT, state(index))
    subject.add_cloud(25 * DT, cloud(0))
    assert marks(subject.policy_input(25 * DT).state) == [24, 25]


@pytest.mark.parametrize("state_hz", [250, 1000])
def test_states_faster_than_the_control_rate_leave_the_oldest_clouds_theirs(state_hz: int) -> None:
    subject = window(steps=3, max_age_s=0.3)
    stamps = range(0, 2000 * MS, 1000 * MS // state_hz)
    for stamp in stamps:
        subject.add_state(stamp, state(stamp / MS))
    oldest = stamps[-1] - 300 * MS
    subject.add_cloud(oldest, cloud(0))
    wanted = np.array([oldest - 2 * DT, oldest - DT, oldest]) / MS
    assert marks(subject.policy_input(oldest).state) == pytest.approx(wanted, abs=1000 / state_hz)


def test_a_cloud_older_than_all_kept_states_is_refused() -> None:
    subject = window(steps=2, max_age_s=0.2)
    for index in range(100):
        subject.add_state(index * DT, state(index))
    subject.add_cloud(50 * DT, cloud(0))
    with pytest.raises(ObservationError, match="nearest state"):
        subject.policy_input(50 * DT)


def test_a_cloud_from_before_the_episode_is_not_paired_with_its_later_states() -> None:
    subject = window(steps=2, max_age_s=0.2)
    subject.add_cloud(-DT, cloud(0))
    subject.add_state(0, state(0))
    assert marks(subject.policy_input(-DT).state) == [0, 0]
    for index in range(1, 100):
        subject.add_state(index * DT, state(index))
    with pytest.raises(ObservationError, match="nearest state"):
        subject.policy_input(-DT)


def test_a_cloud_that_is_newer_than_asked_for_is_none() -> None:
    subject = window()
    subject.add_state(3 * DT, state(3))
    subject.add_cloud(5 * DT, cloud(5))
    with pytest.raises(ObservationError, match="no cloud"):
        subject.policy_input(3 * DT)


def test_a_state_that_has_not_come_yet_is_not_stood_in_for_by_an_older_one() -> None:
    subject = window()
    subject.add_state(0, state(0))
    subject.add_cloud(DT, cloud(0))
    with pytest.raises(ObservationError, match=r"nearest state lies 100.0 ms .* check the rates of joint_states"):
        subject.policy_input(DT)


def test_the_default_skew_is_half_a_period() -> None:
    subject = window(steps=1)
    subject.add_state(0, state(0))
    subject.add_cloud(DT // 2, cloud(0))
    assert marks(subject.policy_input(DT // 2).state) == [0]
    subject.add_cloud(DT // 2 + 1, cloud(0))
    with pytest.raises(ObservationError, match=r"50.0 ms allowed"):
        subject.policy_input(DT // 2 + 1)


def test_only_clouds_up_to_the_stamp_are_fed() -> None:
    subject = window(cloud_steps=3)
    for index in range(4):
        subject.add_state(index * DT, state(index))
        subject.add_cloud(index * DT, cloud(index))
    assert marks(subject.policy_input(2 * DT).cloud) == [0, 1, 2]
    assert marks(subject.policy_input(3 * DT).cloud) == [1, 2, 3]


@pytest.mark.parametrize("cloud_steps", [2, 3])
def test_the_frames_of_a_faster_camera_lie_as_far_apart_as_the_states(cloud_steps: int) -> None:
    """A camera of three times the control rate, that jitters: training saw every third of its frames."""
    subject = window(steps=3, cloud_steps=cloud_steps)
    frames = [step * DT // 3 + (-1) ** step * MS for step in range(30)]
    for step, stamp in enumerate(frames):
        subject.add_state(stamp, state(stamp / MS))
        subject.add_cloud(stamp, cloud(step))
        observed = subject.policy_input(stamp)
        expected = [max(step - 3 * back, 0) for back in reversed(range(3))]
        assert marks(observed.cloud) == expected[-cloud_steps:]
        assert marks(observed.state) == pytest.approx([frames[index] / MS for index in expected])


def test_a_frame_that_is_lost_leaves_its_place_to_the_nearest_one() -> None:
    subject = window(cloud_steps=3)
    for step in (0, 1, 2, 3, 5, 6):
        subject.add_cloud(step * DT, cloud(step))
    for step in range(7):
        subject.add_state(step * DT, state(step))
    assert marks(subject.policy_input(6 * DT).cloud) == [3, 5, 6]  # 3 and 5 are as near to 4


def test_of_a_camera_at_half_the_control_rate_a_frame_may_come_twice() -> None:
    subject = window(cloud_steps=3)
    for step in (0, 2, 4, 6):
        subject.add_cloud(step * DT, cloud(step))
    for step in range(7):
        subject.add_state(step * DT, state(step))
    assert marks(subject.policy_input(6 * DT).cloud) == [4, 4, 6]


@pytest.mark.parametrize(("cloud_steps", "kept"), [(1, 1), (2, 10)])
def test_no_more_frames_are_kept_than_can_be_asked_for(cloud_steps: int, kept: int) -> None:
    subject = window(cloud_steps=cloud_steps, max_age_s=0.2)
    for step in range(100):
        subject.add_cloud(step * DT // 3, cloud(step))
    assert subject._clouds is not None
    assert len(subject._clouds.entries) == kept


def test_states_alone_do_not_make_an_observation_of_an_old_cloud() -> None:
    """A camera that has died while the joints go on."""
    subject = window(max_age_s=0.2)
    for index in range(10):
        subject.add_state(index * DT, state(index))
    subject.add_cloud(0, cloud(0))
    with pytest.raises(ObservationError, match="newest cloud is 900 ms older"):
        subject.policy_input(9 * DT)


@pytest.mark.parametrize("back", [0, 1, DT])
def test_duplicates_and_late_arrivals_are_refused_and_change_nothing(back: int) -> None:
    subject = window()
    subject.add_state(5 * DT, state(5))
    subject.add_cloud(5 * DT, cloud(5))
    with pytest.raises(ObservationError, match=r"state stamp lies .* out of order; check the driver's clock"):
        subject.add_state(5 * DT - back, state(9))
    with pytest.raises(ObservationError, match=r"cloud stamp lies .* duplicate or out of order"):
        subject.add_cloud(5 * DT - back, cloud(9))
    observed = subject.policy_input(5 * DT)
    assert marks(observed.state) == [5, 5]
    assert marks(observed.cloud) == [5]


def test_states_of_a_clock_that_was_set_back_begin_anew() -> None:
    subject = window(cloud_steps=2)
    for index in (100, 101):
        subject.add_state(index * DT, state(index))
        subject.add_cloud(index * DT, cloud(index))
    for index in (5, 6):
        subject.add_state(index * DT, state(index))
    subject.add_cloud(6 * DT, cloud(6))
    observed = subject.policy_input(6 * DT)
    assert marks(observed.state) == [5, 6]
    assert marks(observed.cloud) == [6, 6]


def test_old_and_future_observations_are_told_by_the_clock() -> None:
    subject = window(max_age_s=0.2, max_skew_s=0.05)
    subject.check_age(1000 * MS, 1200 * MS)
    subject.check_age(1000 * MS, 950 * MS)
    with pytest.raises(ObservationError, match="observation is 201 ms old, 200 ms allowed; synchronise the clocks"):
        subject.check_age(1000 * MS, 1201 * MS)
    with pytest.raises(ObservationError, match="51 ms in the future; synchronise the clocks"):
        subject.check_age(1000 * MS, 949 * MS)


def test_nothing_yet_is_said_for_clouds_and_states_alike() -> None:
    subject = window()
    with pytest.raises(ObservationError, match="no cloud has come yet"):
        subject.policy_input(0)
    subject.add_cloud(0, cloud(0))
    with pytest.raises(ObservationError, match="no state has come yet"):
        subject.policy_input(0)


def test_a_reset_forgets_everything_even_that_time_had_gone_on() -> None:
    subject = window(cloud_steps=2)
    for index in range(5):
        subject.add_state(index * DT, state(index))
        subject.add_cloud(index * DT, cloud(index))
    subject.reset()
    with pytest.raises(ObservationError):
        subject.policy_input(5 * DT)
    subject.add_state(0, state(50))
    subject.add_cloud(0, cloud(50))
    observed = subject.policy_input(0)
    assert marks(observed.state) == [50, 50]
    assert marks(observed.cloud) == [50, 50]


def test_a_contract_without_a_cloud_or_images_is_refused() -> None:
    plain = small_contract()
    blind = plain.model_copy(update={"observation": plain.observation.model_copy(update={"cloud": None})})
    with pytest.raises(ObservationError, match="neither a cloud nor images"):
        ObservationWindow(blind)


def picture(mark: int) -> NDArray[np.uint8]:
    return np.full((6, 8, 3), mark, np.uint8)


def test_the_images_of_a_faster_camera_lie_a_control_period_apart() -> None:
    subject = ObservationWindow(image_contract(cameras=("front", "wrist"), image={"steps": 2}))
    for step in range(7):
        subject.add_images(step * DT // 3, {"front": picture(step), "wrist": picture(100 + step)})
    subject.add_state(2 * DT, state(0))
    observed = subject.policy_input(2 * DT)
    assert (marks(observed.images["front"]), marks(observed.images["wrist"])) == ([3, 6], [103, 106])


def test_the_newest_images_of_every_camera_are_given_the_first_one_repeated() -> None:
    subject = ObservationWindow(image_contract(cameras=("front", "wrist"), image={"steps": 2}))
    observed = []
    for step in range(3):
        subject.add_state(step * DT, state(step))
        subject.add_images(step * DT, {"wrist": picture(100 + step), "front": picture(step)})
        observed.append(subject.policy_input(step * DT))
    assert [marks(each.images["front"]) for each in observed] == [[0, 0], [0, 1], [1, 2]]
    assert marks(observed[2].images["wrist"]) == [101, 102]
    assert observed[2].cloud is None
    assert observed[2].images["front"].dtype == np.uint8
    subject.reset()
    subject.add_state(0, state(0))
    with pytest.raises(ObservationError, match="no front's image has come yet"):
        subject.policy_input(0)


def test_a_cloud_and_images_may_both_be_observed() -> None:
    subject = ObservationWindow(image_contract(with_cloud=True), max_age_s=0.2)
    subject.add_state(0, state(0))
    subject.add_images(0, {"camera": picture(3)})
    with pytest.raises(ObservationError, match="no cloud has come yet"):
        subject.policy_input(0)
    subject.add_cloud(0, cloud(4))
    observed = subject.policy_input(0)
    assert observed.cloud is not None
    assert (marks(observed.cloud), marks(observed.images["camera"])) == ([4], [3])
    for step in range(1, 4):
        subject.add_state(step * DT, state(step))
        subject.add_cloud(step * DT, cloud(step))
    with pytest.raises(ObservationError, match="newest camera's image is 300 ms older"):
        subject.policy_input(3 * DT)


def test_images_out_of_order_or_of_other_cameras_are_refused() -> None:
    subject = ObservationWindow(image_contract())
    subject.add_images(DT, {"camera": picture(0)})
    with pytest.raises(ObservationError, match=r"camera's image stamp lies 100\.0 ms before"):
        subject.add_images(0, {"camera": picture(0)})
    with pytest.raises(ObservationError, match="images of wrist were given, of camera expected"):
        subject.add_images(2 * DT, {"wrist": picture(0)})
    with pytest.raises(ObservationError, match="a cloud was given, and the contract observes none"):
        subject.add_cloud(2 * DT, cloud(0))
