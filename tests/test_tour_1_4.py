"""Chapters 1 to 4 of the tour: what their texts say is what was computed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drl.tour import chapter


def numbers(number: int) -> dict[str, Any]:
    return chapter(number).numbers


def test_an_intercept_helps_and_the_fit_is_good() -> None:
    found = numbers(1)
    assert found["without"] < found["best"] - 0.1 < 0
    assert found["right"] > 90


def test_too_large_and_too_small_steps_end_below_the_good_one() -> None:
    found = numbers(1)
    below = found["below"]
    assert 0 < below["good"] < below["large"] < below["small"]
    assert found["sizes"]["large"] > found["limit"] > found["sizes"]["good"]
    assert found["turns"] > 50  # back and forth, nearly every step


def test_a_neuron_is_the_sum_then_sigma() -> None:
    found = numbers(2)
    assert found["z"] == pytest.approx(1.0)  # −0.5 + 1 · 0.8 + 2 · 0.5 − 1.5 · 0.2
    assert found["by_net"] == pytest.approx(found["z"])
    assert found["p"] == pytest.approx(0.731059, abs=1e-6)  # 1 / (1 + 1/e)


def test_the_slope_of_sigma_is_its_difference_quotient() -> None:
    found = numbers(2)
    value = np.array(found["value"])
    np.testing.assert_allclose(found["slope"], value * (1 - value), rtol=1e-12)
    np.testing.assert_allclose(found["slope"], found["quotient"], rtol=1e-6)


def test_a_step_of_ascent_raises_the_probability_of_the_label() -> None:
    found = numbers(2)
    error = 1 - found["before"]
    inputs_then_bias = np.array([0.8, 0.5, 0.2, 1.0])
    np.testing.assert_allclose(found["gradient"], error * inputs_then_bias, rtol=1e-12)
    assert found["after"] > found["before"] + 0.05


def test_one_neuron_falls_short_and_more_epochs_do_not_help() -> None:
    found = numbers(3)
    assert 90 < found["test"] < 95
    assert found["more_train"] < 95  # not even what it was trained on
    assert found["more"] < found["test"] + 1
    assert found["curve"][-1] - found["curve"][100] < 0.02 < found["curve"][100] - found["curve"][0]


def test_a_hidden_layer_beats_one_neuron_whatever_its_first_weights() -> None:
    found = numbers(4)
    (_, one), (train, hidden) = found["one"], found["hidden"]
    assert train > 99.5
    assert hidden > one + 4
    assert min(found["others"]) > one + 4


def test_the_hidden_neurons_are_probabilities_in_the_order_of_their_say() -> None:
    found = numbers(4)
    assert found["say"] == sorted(found["say"], reverse=True)
    assert found["say"][0] > 1 and found["say"][-1] < -1
    assert len(found["h"]) == 20 and 0 < min(found["h"]) < 0.5 < max(found["h"]) < 1


def test_two_layers_without_sigma_are_one() -> None:
    assert numbers(4)["gap"] < 1e-5


@pytest.mark.parametrize("number", range(1, 5))
def test_a_chapter_is_one_page_with_its_figures(number: int, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = chapter(number, tmp_path)
    lines = page.markdown.splitlines()
    assert sum(line.startswith("# ") for line in lines) == 1
    assert page.figures and all(figure.stat().st_size > 0 for figure in page.figures)
    assert all(f"]({figure.name})" in page.markdown for figure in page.figures)
