"""Chapters 1 to 4 of the tour: what their texts say is what was computed."""

from typing import Any

from drl.cli.tour import chapter


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
