"""The gradient check itself: right where derivatives are right, and it finds planted bugs."""

import json

import numpy as np
import pytest

from drl.bench import gradients as checked
from drl.cli import check_gradients as command
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.distributions import Categorical
from drl.nn.dueling import Dueling
from drl.nn.embedding import QuantileEmbedding
from drl.nn.free import Free
from drl.nn.gaussian import DiagonalGaussian
from drl.nn.gradcheck import check_loss, check_network, numerical_gradient, relative_error
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Linear, Sigmoid, Tanh
from drl.nn.losses import MSE, Huber
from drl.nn.network import Network
from drl.nn.ops import make_ops

BAR = checked.BARS["differences"]
each_library = pytest.mark.parametrize("library", ["numpy", "torch"])


@each_library
def test_numerical_gradient_by_hand(library):
    # f = x₀² x₁ + sin x₂ at (3, 2, 0): (2·3·2, 9, 1)
    x = make_ops(library, "float64").asarray([3.0, 2.0, 0.0])

    def f():
        return float(x[0] ** 2 * x[1]) + np.sin(float(x[2]))

    np.testing.assert_allclose(numerical_gradient(f, x), [12, 9, 1], rtol=1e-9)
    np.testing.assert_allclose(numerical_gradient(f, x, np.array([2, 0])), [1, 12], rtol=1e-9)
    assert x.tolist() == [3, 2, 0]


@pytest.mark.parametrize("distance", [0, 1e-7, 4e-6, -9e-6])
def test_kinks_are_left_out(distance):
    """|x| within ε of 0 has no derivative to compare with; 2x beside it has."""
    x = np.array([distance, 0.5, 1.0])
    gradient = numerical_gradient(lambda: abs(x[0]) + 2 * x[1] + x[2] ** 3, x)
    assert np.isnan(gradient).tolist() == [True, False, False]
    np.testing.assert_allclose(gradient[1:], [2, 3], rtol=1e-9)
    x[0] = 2e-5
    assert not np.isnan(numerical_gradient(lambda: abs(x[0]), x)).any()


def test_what_was_not_compared_has_not_passed():
    nan = np.nan
    assert relative_error(np.array([1, 2.0]), np.array([1, 2.1])) == pytest.approx(0.1 / 2.1)
    assert relative_error(np.array([1, 2, 3.0]), np.array([1, nan, 3])) == 0
    assert relative_error(np.array([1, 2.0]), np.array([1, nan])) == np.inf
    assert relative_error(np.array([nan, 2.0]), np.array([1, 2.0])) == np.inf
    assert relative_error(np.zeros(3), np.zeros(3)) == 0


def test_float32_is_refused():
    with pytest.raises(ValueError, match="float64"):
        numerical_gradient(lambda: 0.0, np.zeros(3, np.float32))


# -- planted bugs: each is a mistake that people make ---------------------------------------------
class HalfTanh(Tanh):
    """A factor."""

    def forward(self, x):
        y, right = super().forward(x)
        return y, lambda dy, inputs=True: 0.5 * right(dy, inputs)


class AlmostSigmoid(Sigmoid):
    """A factor of 1.00001: no training would show it."""

    def forward(self, x):
        y, right = super().forward(x)
        return y, lambda dy, inputs=True: 1.00001 * right(dy, inputs)


class UntransposedLinear(Linear):
    """∂L/∂x = dy W: the shapes fit when W is square."""

    def forward(self, x):
        y, right = super().forward(x)

        def backward(dy, inputs=True):
            right(dy)
            return self.ops.matmul(dy, self.W)

        return y, backward


class WrongSumLinear(Linear):
    """∂L/∂b summed over the outputs: the shapes fit when there are as many as examples."""

    def forward(self, x):
        y, right = super().forward(x)

        def backward(dy, inputs=True):
            dx = right(dy)
            self.db[: len(dy)] = self.ops.sum(dy, axis=1)
            return dx

        return y, backward


class RememberingTanh(Tanh):
    """Keeps y on the layer: the second forward overwrites what the first pullback needs."""

    def forward(self, x):
        self.y = self.ops.tanh(x)

        def backward(dy, inputs=True):
            t = self.y[: len(dy)]
            return dy * (1 - t * t)

        return self.y, backward


BUGS = {
    "factor": lambda: HalfTanh(),
    "tiny factor": lambda: AlmostSigmoid(),
    "not transposed": lambda: UntransposedLinear(4),
    "wrong sum": lambda: WrongSumLinear(4),
    "one forward only": lambda: RememberingTanh(),
}
RIGHT = {"tanh": Tanh, "sigmoid": Sigmoid, "linear": lambda: Linear(4)}


def worst(layer, library):
    """Of a batch of 4 through the layer, while another is under way."""
    rng = np.random.default_rng(0)
    net = Network([layer], 4, make_ops(library, "float64"))
    x, other, t = (net.ops.asarray(rng.normal(size=(4, 4))) for _ in range(3))
    loss = MSE(net.ops)
    return max(check_network(net, x, lambda y: loss(y, t[: len(y)]), other).values())


@each_library
@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug, library):
    assert worst(BUGS[bug](), library) > BAR


@each_library
@pytest.mark.parametrize("name", RIGHT)
def test_the_same_layers_without_the_bug_pass(name, library):
    assert worst(RIGHT[name](), library) < BAR / 10


def test_a_wrong_loss_is_found():
    """Half the gradient; and the mean over all outputs where the value is the mean over B."""
    ops = make_ops("numpy", "float64")
    y, t = np.random.default_rng(0).normal(size=(2, 3, 4))
    mse = MSE(ops)
    assert check_loss(lambda y: mse(y, t), y) < BAR
    assert check_loss(lambda y: (mse(y, t)[0], mse(y, t)[1] / 2), y) > 0.4
    assert check_loss(lambda y: (mse(y, t)[0], mse(y, t)[1] / y.shape[1]), y) > 0.4


def test_a_huber_that_vanishes_is_found():
    """The derivative of ½ clip(δ)², the classic mistake, is 0 where the error is large."""
    ops = make_ops("numpy", "float64")
    huber, y = Huber(ops), np.array([[-3.0, 0.5, 2.0]])
    zero = np.zeros((1, 3))
    assert check_loss(lambda y: huber(y, zero), y) < BAR
    assert check_loss(lambda y: (huber(y, zero)[0], y * (abs(y) < 1)), y) > 0.5


# -- the command ----------------------------------------------------------------------------------
def one_loss_each():
    """Each layer under one of the losses, in turn: a layer's derivative knows no loss."""
    whole, count = checked.cases(), len(checked.LOSSES)
    under = whole[: len(checked.ROWS) * count]
    some = [row for i, row in enumerate(under) if i % count == i // count % count]
    assert {row.loss for row in some} == {*checked.LOSSES}
    return some + whole[len(under) :]


EVERY_LOSS = pytest.param(checked.cases, marks=pytest.mark.slow)  # four minutes


@pytest.mark.parametrize("cases", [one_loss_each, EVERY_LOSS])
def test_the_command_finds_everything_right(cases, monkeypatch, capsys):
    rows = cases()
    monkeypatch.setattr(checked, "cases", lambda: rows)
    assert command.run(command.Config()) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 1 + len(rows) + 1
    names = {line.split("  ")[0] for line in table[1:-1]}
    assert names > {*checked.ROWS, *checked.policies.LAWS, "Categorical, masked"}
    assert all(line.endswith("yes") for line in table[1:-1])
    assert "none failed" in table[-1]


@pytest.fixture
def no_policies(monkeypatch):
    monkeypatch.setattr(checked.policies, "LAWS", {})


@pytest.mark.usefixtures("no_policies")
@pytest.mark.parametrize("bug", ["factor", "one forward only"])
def test_the_command_fails_on_a_planted_bug(bug, monkeypatch, capsys):
    rows = {"Linear": checked.ROWS["Linear"], "Bug": checked.chain((4,), BUGS[bug])}
    monkeypatch.setattr(checked, "ROWS", rows)
    assert command.run(command.Config()) == 1
    table = capsys.readouterr().out.splitlines()
    losses = len(checked.LOSSES)
    assert [line.endswith("NO") for line in table[1:-1]] == [False] * losses + [True] * losses
    assert f"{losses} failed" in table[-1]


class NoEntropyInTheEntropy(Categorical):
    """∂H/∂z_k = −p_k log p_k, the classic mistake."""

    def fit(self, z, a, mask=None):
        right, log_p = super().fit(z, a, mask), self._log_p(z, mask)

        def pullback(g, h):
            return right.pullback(g, 0.0) - (h * self.ops.exp(log_p) * log_p).T

        return right._replace(pullback=pullback)


class OneSided(DiagonalGaussian):
    """KL(π_z ‖ π_other) whichever is asked for."""

    def kl(self, z, other, mask=None):
        right = super().kl(z, other, mask)
        return right._replace(pullback=lambda d: (right.pullback(d)[0],) * 2)


@pytest.mark.parametrize(
    ("bug", "failing"),
    [
        (lambda ops: NoEntropyInTheEntropy(ops, 4), ["entropy"]),
        (lambda ops: OneSided(ops, 2), ["KL, turned"]),
    ],
)
def test_the_command_fails_on_a_wrong_distribution(bug, failing, monkeypatch, capsys):
    monkeypatch.setattr(checked, "ROWS", {})
    monkeypatch.setattr(checked.policies, "LAWS", {"Bug": bug})
    assert command.run(command.Config(json=True)) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["loss"] for row in rows if not row["pass"]] == failing


@pytest.mark.usefixtures("no_policies")
def test_the_command_as_json(monkeypatch, capsys):
    monkeypatch.setattr(checked, "ROWS", {"Linear": checked.ROWS["Linear"]})
    assert command.run(command.Config(seed=3, json=True)) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["failed"] == 0
    assert result["worst"]["differences"] < BAR
    assert result["worst"]["autograd"] < checked.BARS["autograd"]
    assert {row["loss"] for row in result["rows"]} == set(checked.LOSSES)


class WrongOfFloat32(Tanh):
    """Right in float64; one part in a hundred off in float32."""

    def forward(self, x):
        y, right = super().forward(x)
        factor = 1.01 if "32" in str(self.ops.dtype) else 1.0
        return y, lambda dy, inputs=True: factor * right(dy, inputs)


class WrongOfOne(Linear):
    """Wrong for one example alone, as by a squeeze too many."""

    def forward(self, x):
        y, right = super().forward(x)
        return y, lambda dy, inputs=True: right(dy * 2 if len(x) == 1 else dy, inputs)


@pytest.mark.usefixtures("no_policies")
@pytest.mark.parametrize("bug", [WrongOfFloat32, lambda: WrongOfOne(4)])
def test_the_command_looks_at_float32_and_at_one_example(bug, monkeypatch, capsys):
    monkeypatch.setattr(checked, "ROWS", {"Bug": checked.chain((4,), lambda: Linear(4), bug)})
    assert command.run(command.Config()) == 1
    assert f"{len(checked.LOSSES)} failed" in capsys.readouterr().out


def test_every_size_is_1_once():
    """A convolution with one filter could not be differentiated on torch, and no row had one."""
    sizes = {name: set() for name in ("batch", "outputs", "inputs", "neurons", "filters", "kernel")}
    sizes |= {name: set() for name in ("channels", "pixels", "pool", "actions", "atoms", "cosines")}
    sizes |= {name: set() for name in ("signals", "renormalised", "free")}
    for batch, outputs in checked.SHAPES:
        sizes["batch"].add(batch)
        sizes["outputs"].add(outputs)
    for make in checked.ROWS.values():
        net = make(2, "numpy", "float64")
        for layer, shape in zip(net.layers, net.output_shapes, strict=True):
            if isinstance(layer, Conv2d):
                sizes["kernel"].add(layer.kernel)
                sizes["channels"].add(layer.shapes["W"][2])
                sizes["filters"].add(layer.filters)
                sizes["pixels"].add(shape[0] * shape[1])
            elif isinstance(layer, Linear) and layer is not net.layers[-1]:
                sizes["inputs"].add(layer.shapes["W"][0])
                sizes["neurons"].add(layer.outputs)
            elif isinstance(layer, MaxPool2d):
                sizes["pool"].add(layer.size)
            elif isinstance(layer, Dueling):
                sizes["actions"].add(layer.actions)
                sizes["atoms"].add(layer.atoms)
            elif isinstance(layer, QuantileEmbedding):
                sizes["cosines"].add(layer.cosines)
            elif isinstance(layer, BatchRenorm):
                sizes["renormalised"].add(shape[-1])
            elif isinstance(layer, LayerNorm):
                sizes["signals"].add(shape[-1])
            elif isinstance(layer, Branches):
                inside = (part for part, _ in layer.inside() if isinstance(part, Free))
                sizes["free"] |= {part.k for part in inside}
    assert [name for name, found in sizes.items() if 1 not in found or len(found) == 1] == []
