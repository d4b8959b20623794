"""Colour images: crop, resize, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import image_contract
from numpy.typing import NDArray
from sdm_core.errors import ObservationError
from sdm_core.perception.images import ImagePipeline, resize_crop


@pytest.fixture
def image() -> NDArray[np.uint8]:
    """rgb8 of 12×8 pixels in which every value differs."""
    return np.arange(8 * 12 * 3, dtype=np.uint16).astype(np.uint8).reshape(8, 12, 3)


def test_cuts_left_top_width_height(image: NDArray[np.uint8]) -> None:
    assert np.array_equal(resize_crop(image, (4, 3), (2, 1, 4, 3)), image[1:4, 2:6])


def test_shrinking_averages_areas(image: NDArray[np.uint8]) -> None:
    small = resize_crop(image, (6, 4)).astype(float)
    means = image.astype(float).reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert small.shape == (4, 6, 3)
    assert np.abs(small - means).max() <= 0.5 + 1e-9


def test_crops_before_it_resizes(image: NDArray[np.uint8]) -> None:
    assert np.array_equal(resize_crop(image, (2, 2), (4, 4, 4, 4)), resize_crop(image[4:8, 4:8], (2, 2)))


def test_an_image_of_the_wanted_size_passes_unchanged(image: NDArray[np.uint8]) -> None:
    assert np.array_equal(resize_crop(image, (12, 8)), image)


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 12), np.uint8), np.zeros((8, 12, 4), np.uint8), np.zeros((8, 12, 3), np.float32)]
)
def test_refuses_what_is_no_rgb8(wrong: NDArray) -> None:
    with pytest.raises(ObservationError, match=r"rgb8 \[H,W,3\] expected"):
        resize_crop(wrong, (4, 4))


@pytest.mark.parametrize(
    "crop", [(-1, 0, 4, 4), (0, -1, 4, 4), (9, 0, 4, 4), (0, 5, 4, 4), (0, 0, 0, 4), (0, 0, 4, 0), (6, 0, -2, 4)]
)
def test_refuses_a_crop_that_leaves_the_image_or_holds_nothing(
    crop: tuple[int, int, int, int], image: NDArray[np.uint8]
) -> None:
    with pytest.raises(ObservationError, match="crop"):
        resize_crop(image, (4, 4), crop)


def pipeline(**image: object) -> ImagePipeline:
    contract = image_contract(image=image)
    return ImagePipeline(contract, contract.observation.images[0])


def test_a_contract_s_image_is_cut_and_resized_and_both_channel_orders_give_the_same() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    made = pipeline(crop=(2, 1, 8, 10), size=(4, 5)).image(pixels)
    assert made.shape == (5, 4, 3)
    assert np.array_equal(made, resize_crop(pixels, (4, 5), (2, 1, 8, 10)))
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    assert np.array_equal(pipeline(crop=(2, 1, 8, 10), size=(4, 5)).image(bgr, "bgr8"), made)


@pytest.mark.parametrize(
    ("shape", "encoding", "named"),
    [
        ((12, 16, 3), "mono8", "colour encoding 'mono8' of camera 'camera' is not supported; publish rgb8 or bgr8"),
        ((12, 15, 3), "rgb8", "has 15×12 pixels, the contract 16×12"),
        ((12, 16, 4), "rgb8", r"rgb8 \[H,W,3\] expected"),
    ],
)
def test_an_image_that_is_not_the_contract_s_is_refused(shape: tuple[int, ...], encoding: str, named: str) -> None:
    with pytest.raises(ObservationError, match=named):
        pipeline().image(np.zeros(shape, np.uint8), encoding)
