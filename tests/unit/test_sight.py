"""Whether a policy still sees: what is a silent camera, and what only a late image."""

from __future__ import annotations

import pytest
from sdm_policy_node.policy.sight import Sight

PERIOD_NS = 33_000_000
JITTER_NS = (0, 6, -7, 3, 0, -5, 8, -2, 1, 0, 4, -6)


def seen(silent_frames: int = 2, images: int = len(JITTER_NS)) -> tuple[Sight, int]:
    """A camera of 30 Hz that jitters, and when its last image came."""
    sight, last = Sight(silent_frames), 0
    for index, jitter in enumerate(JITTER_NS[:images]):
        last = 10**9 + index * PERIOD_NS + jitter * 1_000_000
        sight.image(last)
        sight.judged(last, "")
    return sight, last


def test_a_lost_image_is_none_and_two_in_a_row_are_a_silent_camera():
    sight, last = seen()
    assert sight.refusal(last + round(2.3 * PERIOD_NS)) == ""
    assert "no image for 99 ms, where one came every 3" in sight.refusal(last + 3 * PERIOD_NS)
    sight.image(last + 3 * PERIOD_NS)
    assert sight.refusal(last + 4 * PERIOD_NS) == ""


def test_three_frame_periods_are_the_most_that_a_silence_takes():
    sight, last = seen()
    assert sight.refusal(last + 3 * PERIOD_NS)


def test_a_pause_does_not_change_what_a_silence_is():
    sight, last = seen()
    last += 60 * PERIOD_NS
    sight.image(last)
    assert "every 3" in sight.refusal(last + 3 * PERIOD_NS)


@pytest.mark.parametrize("sight", [seen(silent_frames=0)[0], seen(images=8)[0], Sight(2)])
def test_nothing_is_silent_where_that_is_not_asked_or_not_yet_known(sight: Sight):
    assert sight.refusal(10**12) == ""


def test_a_camera_that_never_gave_an_image_is_none():
    sight, topic, begun = Sight(2), "/camera/camera/depth/image_rect_raw", 10**12
    sight.begin(begun, topic)
    assert sight.refusal(begun + 1_900_000_000) == ""
    assert sight.refusal(begun + 2_100_000_000) == (
        f"no image has come on '{topic}' for 2 s; is the driver running, is its namespace right?"
    )
    sight.image(begun + 2_200_000_000)
    assert sight.refusal(begun + 9_000_000_000) == ""


def test_whoever_begins_anew_has_seen_nothing_yet():
    sight, last = seen()
    sight.judged(last + 10, "frozen")
    sight.begin(last + 10**12, "camera")
    assert sight.refusal(last + 10**12 + PERIOD_NS) == ""


def test_nobody_waits_for_a_first_image_where_no_silence_counts():
    sight = Sight(0)
    sight.begin(1, "camera")
    assert sight.refusal(10**12) == ""


def test_a_refused_image_counts_until_a_newer_one_is_used():
    sight, last = seen()
    sight.judged(last + 10, "frozen")
    assert sight.refusal(last + 20) == "frozen"
    sight.judged(last + 5, "")  # an older one, answered later
    assert sight.refusal(last + 20) == "frozen"
    sight.judged(last + 30, "")
    assert sight.refusal(last + 40) == ""
