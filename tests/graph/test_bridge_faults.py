"""The faults that a bridge can inject are what they say, and an episode's seed repeats them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Intrinsics
from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.delay_line import DelayLine
from sdm_sim.camera_noise import CameraNoise
from sdm_sim.task import SensorFrame

DEPTH = np.full((64, 64), 1000, np.uint16)
DEPTH[:8] = 0
FRAME = SensorFrame((), np.zeros(0), DEPTH)


INTRINSICS = Intrinsics(60.0, 60.0, 31.5, 31.5, 64, 64)
PERFECT = CameraNoise("none", INTRINSICS)


def applied(faults: CameraFaults, seed: int, images: int = 200) -> list[np.ndarray | None]:
    faults.reset(seed)
    return [faults.apply(FRAME, step).depth for step in range(images)]


def test_without_faults_an_image_passes_untouched() -> None:
    assert CameraFaults(0.0, 0.0, PERFECT).apply(FRAME, 0).depth is DEPTH


def test_images_are_lost_at_the_rate_asked_for_and_counted() -> None:
    faults = CameraFaults(0.3, 0.0, PERFECT)
    lost = sum(image is None for image in applied(faults, 4, 2000))
    assert faults.dropped == lost
    assert lost / 2000 == pytest.approx(0.3, abs=0.04)


def test_noise_has_the_deviation_asked_for_and_spares_invalid_pixels() -> None:
    (image,) = applied(CameraFaults(0.0, 5.0, PERFECT), 4, 1)
    assert image is not None
    assert (image[:8] == 0).all()
    assert image[8:].std() == pytest.approx(5.0, rel=0.05)
    assert image[8:].mean() == pytest.approx(1000, abs=0.5)


def test_an_episode_repeats_its_faults_and_another_has_others() -> None:
    faults = CameraFaults(0.5, 3.0, PERFECT)
    first, again, other = applied(faults, 7), applied(faults, 7), applied(faults, 8)
    np.testing.assert_equal(first, again)
    assert [image is None for image in first] != [image is None for image in other]


def test_a_camera_s_noise_depends_on_seed_and_step_and_not_on_what_was_lost_before() -> None:
    noisy, losing = (CameraFaults(rate, 0.0, CameraNoise("d4xx", INTRINSICS)) for rate in (0.0, 0.5))
    first, again = applied(noisy, 7, 20), applied(losing, 7, 20)
    assert any(image is None for image in again)
    for expected, found in zip(first, again, strict=True):
        if found is not None:
            np.testing.assert_array_equal(found, expected)
    distinct = {image.tobytes() for image in (*first, *applied(noisy, 8, 20)) if image is not None}
    assert len(distinct) == 40
    with pytest.raises(SdmError, match="camera_noise 'd5xx' is not known"):
        CameraNoise("d5xx", INTRINSICS)


def test_the_camera_at_the_hand_has_faults_as_the_other_one_has_and_noise_of_its_own() -> None:
    both = replace(FRAME, hand_depth=DEPTH)
    for noise_mm, noise in ((0.0, CameraNoise("d4xx", INTRINSICS, INTRINSICS)), (5.0, PERFECT)):
        seen = CameraFaults(0.0, noise_mm, noise).apply(both, 0)
        assert seen.depth is not None
        assert seen.hand_depth is not None
        assert len({image.tobytes() for image in (DEPTH, seen.depth, seen.hand_depth)}) == 3
    assert CameraFaults(0.999, 0.0, PERFECT).apply(both, 0).hand_depth is None


def test_depth_and_colour_of_an_instant_are_lost_together() -> None:
    colour = {"camera": np.zeros((64, 64, 3), np.uint8)}
    faults = CameraFaults(0.5, 0.0, PERFECT)
    expected = [image is None for image in applied(faults, 7)]
    for images in ({}, colour):
        faults.reset(7)
        frame = replace(FRAME, images=images)
        arrived = [faults.apply(frame, step) for step in range(len(expected))]
        assert [each.depth is None for each in arrived] == expected
        assert all(each.images == ({} if each.depth is None else images) for each in arrived)
    nothing = SensorFrame((), np.zeros(0), None)
    assert all(faults.apply(nothing, step) is nothing for step in range(20))


def test_a_delay_line_delivers_in_order_and_not_before_its_delay() -> None:
    line, delivered = DelayLine(), []
    begun = time.perf_counter()
    for index in range(3):
        line.send(lambda index=index: delivered.append((index, time.perf_counter() - begun)), 0.02)
    line.sleep_until(begun + 0.01)
    assert delivered == []
    line.sleep_until(time.perf_counter() + 0.03)
    assert [index for index, _ in delivered] == [0, 1, 2]
    assert all(age >= 0.02 for _, age in delivered)


def test_a_delay_that_ends_lets_nothing_overtake_what_is_under_way() -> None:
    line, delivered = DelayLine(), []
    line.send(lambda: delivered.append("delayed"), 0.01)
    line.send(lambda: delivered.append("prompt"), 0.0)
    assert delivered == []
    line.sleep_until(time.perf_counter() + 0.02)
    assert delivered == ["delayed", "prompt"]


def test_what_is_under_way_can_be_lost() -> None:
    line, delivered = DelayLine(), []
    line.send(lambda: delivered.append(1), 0.01)
    line.clear()
    line.sleep_until(time.perf_counter() + 0.02)
    assert delivered == []
