"""Chapters 5 to 8 of the tour: what they claim, by numbers."""

from drl.tour import chapter


def test_the_formulas_are_the_networks_forward_pass() -> None:
    numbers = chapter(5).numbers
    assert numbers["difference"] < 1e-12
    assert (numbers["probability"] > 0.5) == (numbers["label"] % 2 == 1)


def test_the_notes_example_has_820_parameters_and_841_with_intercepts() -> None:
    numbers = chapter(6).numbers
    assert (numbers["hidden"], numbers["output"]) == (800, 20)
    assert (numbers["without"], numbers["intercepts"]) == (820, 841)
    assert numbers["digits"] == 784 * 128 + 128 + 128 * 10 + 10


def test_better_parameters_score_higher_and_the_loss_is_minus_the_score() -> None:
    numbers = chapter(7).numbers
    opposite, fresh, neuron, trained = numbers["scores"]
    assert opposite < fresh < neuron < trained < 0
    assert abs(fresh + 0.6931) < 0.05  # a network that knows nothing: log ½
    assert numbers["difference"] < 1e-12 and numbers["rounded"] > 0


def test_the_chain_rule_by_hand_is_the_code_and_the_differences() -> None:
    numbers = chapter(8).numbers
    assert set(numbers) == {"linear0.W", "linear0.b", "linear1.W", "linear1.b"}
    for found in numbers.values():
        assert found["by hand"] < 1e-14 and found["differences"] < 1e-7


def test_the_code_that_is_shown_is_the_code() -> None:
    page = chapter(8)
    assert "ops.matmul(rows_of(dy, x).T, dy, out=self.dW)" in page.markdown
    assert "dz = (sigmoid(ops, z) - t) / len(z)" in page.markdown
