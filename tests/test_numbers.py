"""Returns with the decimals that tell something."""

import pytest

from drl.numbers import score


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (500.0, 0.0, "500.0"), (-13.0, 0.0, "-13.0"), (7.926, 0.0, "7.93"), (0.7364, 0.0, "0.736"),
        (-0.0451, 0.95, "-0.045"), (0.95, -0.0451, "0.950"), (0.3, 12.0, "0.3"), (0.3, -2, "0.30"),
    ],
)  # fmt: skip
def test_decimals_by_size(value: float, spread: float, text: str) -> None:
    assert score(value, spread) == text
