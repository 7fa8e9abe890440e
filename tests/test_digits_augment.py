"""Warps: zero is the identity, whole pixels move exactly, and everything stays an image."""

import numpy as np
import pytest

from drl.supervised.augment import Warp, _bilinear

IMAGES = np.random.default_rng(0).random((7, 9, 6, 1), np.float32)


def test_no_warp_is_the_identity():
    np.testing.assert_allclose(Warp()(IMAGES, np.random.default_rng(1)), IMAGES, atol=1e-6)


def test_bilinear_by_hand():
    image = np.array([[[0, 1], [2, 3]]], np.float32)
    rows = np.array([[[0.5, 0.0, -0.5, 1.0, 5.0]]], np.float32)
    cols = np.array([[[0.5, 0.25, 1.0, 1.75, 0.0]]], np.float32)
    # the middle; a quarter to the right; half off the top; three quarters off the right; far away
    np.testing.assert_allclose(_bilinear(image, rows, cols)[0, 0], [1.5, 0.25, 0.5, 0.75, 0.0])


def test_whole_pixels_move_exactly():
    class Draws:  # t = (+1, −2) pixels: out[p] = image[p + t]
        def uniform(self, low, high, shape):
            return np.array([0, 0, 0.5, -1.0])[:, None, None, None] * np.ones(shape)

    moved = Warp(shift=2)(IMAGES, Draws())
    np.testing.assert_allclose(moved[:, :-1, 2:], IMAGES[:, 1:, :-2], atol=1e-5)
    assert not moved[:, -1].any() and not moved[:, :, :2].any()


def test_a_quarter_turn():
    class Draws:
        def uniform(self, low, high, shape):
            return np.array([1.0, 0, 0, 0])[:, None, None, None] * np.ones(shape)

    square = IMAGES[:, :6]
    turned = Warp(rotate=90)(square, Draws())
    np.testing.assert_allclose(turned, np.rot90(square, axes=(1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    "warp", [Warp(shift=2), Warp(rotate=20), Warp(scale=0.2), Warp(elastic=1), Warp(1, 5, 0.1, 0.5)]
)
def test_each_part_changes_every_image_and_stays_in_range(warp):
    a, b = (warp(IMAGES, np.random.default_rng(s)) for s in (1, 2))
    assert a.dtype == np.float32 and a.shape == IMAGES.shape
    assert a.min() >= 0 and a.max() <= IMAGES.max() + 1e-6
    assert (np.abs(a - IMAGES).max(axis=(1, 2, 3)) > 0.01).all()
    assert (np.abs(a - b).max(axis=(1, 2, 3)) > 0.01).all()
    assert a.tobytes() == warp(IMAGES, np.random.default_rng(1)).tobytes()
