"""Which of a camera's images become rows."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from sdm_policy_node.episode_recording import EpisodeRecording, Observed

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
