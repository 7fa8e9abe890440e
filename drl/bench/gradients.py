"""Every derivative against central differences and against autograd: what is checked, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from drl.bench import policies
from drl.extras import installed
from drl.nn import MLP, Conv, Network, Pool
from drl.nn.batch_renorm import BatchRenorm
from drl.nn.branches import Branches, Slice
from drl.nn.conv import Conv2d, MaxPool2d
from drl.nn.dueling import Dueling
from drl.nn.embedding import QuantileEmbedding
from drl.nn.free import Free
from drl.nn.gradcheck import check_network, gradients, parameters, relative_error
from drl.nn.layer_norm import LayerNorm
from drl.nn.layers import Flatten, Layer, Linear, Pullback, ReLU, Scale, Shape, Sigmoid, Tanh
from drl.nn.losses import (
    MSE,
    Bernoulli,
    CategoricalCrossEntropy,
    Huber,
    QuantileHuber,
    SoftmaxCrossEntropy,
    SortedQuantileHuber,
)  # fmt: skip
from drl.nn.noisy import NoisyLinear
from drl.nn.normalise import Normalise
from drl.nn.ops import Array, Ops, make_ops
from drl.nn.recurrent import GRU

LIBRARIES: tuple[str, ...] = ("numpy", "torch")
# the largest relative errors that pass; "float32": our float32 against autograd's float64
BARS = {"differences": 1e-6, "autograd": 1e-10, "float32": 1e-3}
TORCH = installed("torch")
if not TORCH:  # a light installation: numpy's half against differences
    LIBRARIES, BARS = ("numpy",), {"differences": BARS["differences"]}
SHAPES = ((3, 2), (1, 4), (5, 1))  # (batch, outputs), each 1 once
MOST = 4  # points of an array compared with differences; with autograd, all
FEW = 3  # the same in a network of many parameters, where each point is dear

Rng = np.random.Generator
Make = Callable[[int, str, str], Network]  # (outputs, array library, precision) → a network


# -- what is checked: a new layer or loss is one more row ---------------------------------------
def alone(outputs: int, library: str, dtype: str) -> Network:
    """y = x: nothing but the loss has a derivative."""
    return Network([Flatten()], outputs, make_ops(library, dtype))


def chain(shape: Shape, *layers: Callable[[], Layer]) -> Make:
    """The layers, and a Linear on top that gives the loss its outputs."""

    def make(outputs: int, library: str, dtype: str) -> Network:
        parts = [*(layer() for layer in layers), Flatten(), Linear(outputs)]
        return Network(parts, shape, make_ops(library, dtype))

    return make


class Noisy(NoisyLinear):
    """NoisyLinear with noise in it from the start."""

    def initialise(self, rng: Rng) -> None:
        super().initialise(rng)
        self.resample(np.random.default_rng(0))


class Normalised(Normalise):
    """Normalise with statistics in it from the start: some inputs of about ±1 are cut."""

    def build(self, shape: Shape) -> Shape:
        super().build(shape)
        size = self.moments.mean.size
        self.moments.merge(np.linspace(-0.5, 0.5, size), np.linspace(0.1, 2, size), 7)
        return shape


class Running(BatchRenorm):
    """BatchRenorm by running statistics that are not those of the start."""

    def build(self, shape: Shape) -> Shape:
        super().build(shape)
        size = shape[-1]
        self.buffers["mean"][:] = np.linspace(-0.5, 0.5, size)
        self.buffers["variance"][:] = np.linspace(0.1, 2, size)
        return shape


class OfBatch(BatchRenorm):
    """BatchRenorm by the batch's statistics, with constants for r and d: differences would see them
    move."""

    by_batch = True

    def _correction(self, mean: Array, rate: Array) -> tuple[Array, Array]:
        size = mean.shape[0]
        return self.ops.asarray(np.linspace(0.5, 2, size)), self.ops.asarray(
            np.linspace(-1, 1, size)
        )


class EmbeddingAt(QuantileEmbedding):
    """QuantileEmbedding at N constant fractions, its rows put side by side again: (B, N·D)."""

    conditional = False

    def __init__(self, cosines: int, *fractions: float) -> None:
        super().__init__(cosines)
        self.fractions = fractions

    def build(self, shape: Shape) -> Shape:
        return (len(self.fractions) * super().build(shape)[0],)

    def bind(self, ops: Ops, arrays: dict[str, Array]) -> None:
        super().bind(ops, arrays)
        self.tau = ops.asarray([self.fractions])

    def forward(self, x: Array, tau: Array | None = None) -> tuple[Array, Pullback]:
        y, pullback = super().forward(x, self.tau)

        def backward(dy: Array, inputs: bool = True) -> Array:
            return pullback(dy.reshape(-1, x.shape[1]), inputs)

        return y.reshape(x.shape[0], -1), backward


class Unrolled(GRU):
    """GRU over T steps side by side in a row: (B, T·I) → (B, T·H).  It begins in states that are
    not 0; in some sequences another episode begins on the way."""

    def __init__(self, units: int, steps: int) -> None:
        super().__init__(units)
        self.steps = steps

    def build(self, shape: Shape) -> Shape:
        (units,) = super().build((shape[0] // self.steps,))
        return (self.steps * units,)

    @property
    def state_size(self) -> int:
        return 0  # it is whole in a row

    def sequences(self, count: int) -> tuple[Array, Array]:
        """The states before the first step (B, H), and where one is kept (T, B, 1)."""
        h = np.tile(np.linspace(-0.7, 0.9, self.units), (count, 1))
        begins = np.add.outer(np.arange(self.steps), np.arange(count)) % 3 == 2
        return self.ops.asarray(h), self.ops.asarray(1.0 - begins[:, :, None])

    def forward(self, x: Array) -> tuple[Array, Pullback]:
        ops, B, T, H = self.ops, x.shape[0], self.steps, self.units
        steps = x.reshape(B, T, -1).swapaxes(0, 1)
        y, _, pullback = self.unroll(steps.reshape(T * B, -1), *self.sequences(B))

        def backward(dy: Array, inputs: bool = True) -> Array:
            rows = dy.shape[0]
            whole = ops.zeros(T, B, H)
            whole[:, :rows] = dy.reshape(rows, T, H).swapaxes(0, 1)
            dx = pullback(whole.reshape(T * B, H), inputs)
            if not inputs:
                return None
            return dx.reshape(T, B, -1)[:, :rows].swapaxes(0, 1).reshape(rows, -1)

        return y.reshape(T, B, H).swapaxes(0, 1).reshape(B, -1), backward


def mlp(shape: int | Shape, **settings: Any) -> Make:
    return lambda outputs, library, dtype: MLP(
        shape, outputs, backend=library, dtype=dtype, **settings
    )


def beside() -> Layer:
    """A picture of 3×3 pixels and 2 channels beside 3 numbers, as an agent sees a Dict."""
    return Branches({
        "vector": [Slice(0, 3), Linear(4), Tanh()],
        "picture0": [Slice(3, 21, (3, 3, 2)), Scale(0.5), Conv2d(2, 2), Tanh(), Flatten()],
    })  # fmt: skip


ROWS: dict[str, Make] = {
    "loss alone": alone,
    "Linear": chain((5,)),
    "Linear, 1 neuron": chain((1,), lambda: Linear(1)),
    "Linear, no bias": chain((5,), lambda: Linear(4, bias=False)),
    "ReLU": chain((6,), ReLU),
    "Tanh": chain((6,), Tanh),
    "Sigmoid": chain((6,), Sigmoid),
    "Scale": chain((4,), lambda: Linear(3), lambda: Scale((0.5, 2.0, -1.0))),
    "Normalise": chain((4,), lambda: Linear(3), lambda: Normalised(1.5)),
    "Normalise, by channel": chain((3, 3, 2), lambda: Conv2d(2, 2), lambda: Normalised(1.5)),
    "Flatten": chain((2, 3, 2), Flatten),
    "NoisyLinear": chain((5,), lambda: Noisy(4)),
    "NoisyLinear, no bias": chain((5,), lambda: Noisy(4, bias=False)),
    "NoisyLinear, 1 neuron": chain((1,), lambda: Noisy(1)),
    "Dueling": chain((6,), lambda: Dueling(3)),
    "Dueling, 2 atoms, noisy": chain((6,), lambda: Dueling(3, 2, Noisy)),
    "QuantileEmbedding": chain((4,), lambda: Linear(3), lambda: EmbeddingAt(5, 0.1, 0.45, 0.8)),
    "Dueling, 1 action": chain((2,), lambda: Dueling(1)),
    "QuantileEmbedding, 1 cosine": chain((1,), lambda: Linear(1), lambda: EmbeddingAt(1, 0.3)),
    "Slice": chain((4,), lambda: Linear(5), lambda: Slice(1, 4)),
    "Slice, 1 value": chain((3,), lambda: Slice(2, 3)),
    "Branches, 1 of 1": chain((1,), lambda: Branches({"a": [Linear(1)]})),
    "Branches that share inputs": chain(
        (4,),
        lambda: Linear(3),
        lambda: Branches({"a": [Linear(2), Tanh()], "b": [Slice(1, 3)], "c": [Noisy(2)]}),
    ),
    "Actor and critic apart": chain(
        (3,),
        lambda: Branches(
            {
                "mean": [Linear(4), Tanh(), Linear(2)],
                "log_std": [Free(2, -0.5)],
                "value": [Linear(3), Tanh(), Linear(1)],
            }
        ),
    ),
    "Free": chain((2,), lambda: Branches({"x": [Linear(2)], "free": [Free(3, 0.5)]})),
    "Free, 1": chain((1,), lambda: Branches({"x": [Linear(1)], "free": [Free(1)]})),
    "LayerNorm": chain((4,), lambda: Linear(5), LayerNorm, Tanh),
    "LayerNorm, 1 signal": chain((4,), lambda: Linear(1), LayerNorm),
    "LayerNorm, by position": chain((3, 4, 2), lambda: Conv2d(3, 2), LayerNorm, Tanh),
    "BatchRenorm": chain((4,), lambda: Linear(3), OfBatch, Tanh),
    "BatchRenorm, 1 signal": chain((4,), lambda: Linear(1), OfBatch),
    "BatchRenorm, pictures": chain((3, 3, 2), lambda: Conv2d(2, 2), OfBatch, Tanh),
    "BatchRenorm, running": chain((4,), lambda: Linear(3), Running, Tanh),
    "BatchRenorm, running, pictures": chain((3, 3, 2), lambda: Conv2d(2, 2), Running),
    "Branches, picture beside numbers": chain((21,), beside),
    "GRU, 5 steps": chain((10,), lambda: Unrolled(3, 5)),
    "GRU, 1 step": chain((4,), lambda: Unrolled(3, 1)),
    "GRU, 1 unit, 1 input": chain((4,), lambda: Unrolled(1, 4)),
    "GRU between layers": chain(
        (6,), lambda: Linear(8), Tanh, lambda: Unrolled(3, 4), lambda: Linear(4), Tanh
    ),
    "Conv2d 3×3": chain((5, 4, 2), lambda: Conv2d(3, 3)),
    "Conv2d 3×3 stride 2": chain((6, 7, 1), lambda: Conv2d(2, 3, stride=2)),
    "Conv2d 3×3 padding 1": chain((4, 3, 1), lambda: Conv2d(2, 3, padding=1)),
    "Conv2d 2×2 stride 2 padding 1, no bias": chain(
        (4, 5, 3), lambda: Conv2d(2, 2, stride=2, padding=1, bias=False)
    ),
    "Conv2d 2×2, 1 filter": chain((4, 3, 2), lambda: Conv2d(1, 2)),
    "Conv2d 2×3 pixels to 1, 1 filter": chain((2, 3, 3), lambda: Conv2d(1, 2, stride=2)),
    "Conv2d 3×3 pixels to 1": chain((3, 3, 1), lambda: Conv2d(2, 3)),
    "Conv2d 1×1": chain((3, 2, 2), lambda: Conv2d(3, 1)),
    "Conv2d 1×1, all 1": chain((1, 1, 1), lambda: Conv2d(1, 1)),
    "Conv2d 1 pixel, padding 1, 1 filter": chain((1, 1, 2), lambda: Conv2d(1, 2, padding=1)),
    "MaxPool2d 1×1": chain((2, 3, 1), lambda: MaxPool2d(1)),
    "MaxPool2d to 1 pixel": chain((3, 2, 2), lambda: MaxPool2d(2)),
    "MaxPool2d 2×2": chain((4, 6, 2), lambda: MaxPool2d(2)),
    "MaxPool2d 3×3, rest cut": chain((7, 5, 1), lambda: MaxPool2d(3)),
    "Conv2d twice, MaxPool2d": chain(
        (7, 7, 2), lambda: Conv2d(3, 2), Tanh, lambda: MaxPool2d(2), lambda: Conv2d(2, 2), Sigmoid
    ),
    "MLP 5": mlp(5, hidden=()),
    "MLP 5-7-6 relu": mlp(5, hidden=(7, 6), scale=0.5),
    "MLP 5-7-6 tanh, no bias": mlp(5, hidden=(7, 6), activation="tanh", bias=False),
    "MLP 5-7-6 sigmoid": mlp(5, hidden=(7, 6), activation="sigmoid", init="orthogonal"),
    "MLP conv, pool, conv": mlp((9, 9, 2), hidden=(5,), conv=(Conv(3, 3), Pool(2), Conv(4, 2, 2))),
    "MLP conv, layer norm": mlp((5, 5, 2), hidden=(4,), conv=(Conv(3, 2),), layer_norm=True),
    "MLP conv, 1 filter": mlp((9, 9, 2), hidden=(4,), conv=(Conv(1, 2),)),
    "MLP digits front": mlp((16, 16, 1), hidden=(6,), conv="digits"),
    "MLP minatar front": mlp((10, 10, 4), hidden=(6,), conv="minatar"),
    "MLP nature front": mlp((36, 36, 1), hidden=(6,), conv="nature"),
}

LOSSES: dict[str, tuple[Callable[[Ops], Any], Callable[[Rng, int, int], np.ndarray]]] = {
    "softmax cross-entropy": (SoftmaxCrossEntropy, lambda rng, b, k: rng.integers(0, k, b)),
    "Bernoulli": (Bernoulli, lambda rng, b, k: rng.random((b, k))),
    "MSE": (MSE, lambda rng, b, k: rng.normal(size=(b, k))),
    "Huber": (Huber, lambda rng, b, k: rng.normal(0, 3, (b, k))),  # on both sides of κ = 1
    "quantile Huber": (
        lambda ops: partial(QuantileHuber(ops), tau=ops.asarray([[0.3]])),
        lambda rng, b, k: rng.normal(0, 3, (b, 4)),
    ),
    "quantile Huber, sorted": (
        lambda ops: partial(SortedQuantileHuber(ops), tau=ops.asarray([[0.3]])),
        lambda rng, b, k: rng.normal(0, 3, (b, 4)),
    ),
    "categorical cross-entropy": (
        CategoricalCrossEntropy, lambda rng, b, k: rng.dirichlet(np.ones(k), b),
    ),
}  # fmt: skip


# -- the checks ---------------------------------------------------------------------------------
class Case(NamedTuple):
    """One line of the table."""

    layer: str
    loss: str
    make: Make
    make_loss: Callable[[Ops], Any]
    make_target: Callable[[Rng, int, int], np.ndarray]  # (rng, batch, outputs)
    shapes: Sequence[tuple[int, int]]  # (batch, outputs)


def cases() -> list[Case]:
    """Every layer under every loss, and every distribution's gradients by its z."""
    under = [Case(row, loss, ROWS[row], *LOSSES[loss], SHAPES) for row in ROWS for loss in LOSSES]
    return under + [
        Case(law, what, alone, make_loss, make_target, [(batch, z) for batch, _ in SHAPES])
        for law, what, make_loss, make_target, z in policies.losses()
    ]


def check(case: Case, seed: int = 0) -> dict[str, Any]:
    """One line of the table: the worst relative errors over the shapes, on each library."""
    result: dict[str, Any] = {"layer": case.layer, "loss": case.loss, "checks": 0}
    for library in LIBRARIES:
        worst = dict.fromkeys(BARS, 0.0)
        for batch, outputs in case.shapes:
            for rows in sorted({batch, batch // 2 + 1}):
                for errors in compare(case, library, batch, outputs, rows, seed):
                    result["checks"] += 1
                    worst = {bar: max(worst[bar], errors[bar]) for bar in BARS}
        result[library] = worst
    result["pass"] = all(result[lib][bar] <= BARS[bar] for lib in LIBRARIES for bar in BARS)
    return result


def compare(
    case: Case, library: str, batch: int, outputs: int, rows: int, seed: int
) -> list[dict[str, float]]:
    """Relative errors of each gradient array; L sees the first `rows` of the batch."""
    rng = np.random.default_rng([seed, batch, outputs])
    net, single = (case.make(outputs, library, dtype) for dtype in ("float64", "float32"))
    for array in parameters(net).values():
        if array.ndim == 1:  # biases, which start at zero: no place to look for mistakes
            array[:] = net.ops.asarray(rng.normal(0, 0.3, len(array)))
    single.load(net.ops.numpy(net.params).astype(np.float32))
    net.load(single.ops.numpy(single.params).astype(float))  # numbers that both can hold

    target = case.make_target(rng, batch, outputs)
    data, other = (rounded(spread(rng, (b, *net.input_shape))) for b in (batch, batch + 1))

    def of(net: Network) -> tuple[Array, Callable[[Array], Any], Array, int]:
        loss = case.make_loss(net.ops)
        between = net.ops.asarray(other)
        return net.ops.asarray(data), lambda y: loss(y, target[: len(y)]), between, rows

    most = MOST if net.size < 2_000 else FEW
    differences = check_network(net, *of(net), most, seed)
    if not TORCH:
        return [{"differences": error} for error in differences.values()]
    from drl.bench.oracle import autograd

    by_hand, by_hand_32 = gradients(net, *of(net)), gradients(single, *of(single))
    _, expected = autograd(net, data, case.make_loss(net.ops), target, rows)
    return [
        {
            "differences": differences[name],
            "autograd": relative_error(by_hand[name], expected[name]),
            "float32": relative_error(by_hand_32[name], expected[name]),
        }
        for name in by_hand
    ]


def rounded(a: np.ndarray) -> np.ndarray:
    """To numbers that float32 holds."""
    return a.astype(np.float32).astype(float)


def spread(rng: Rng, shape: Shape) -> np.ndarray:
    """Numbers in (−1, 1), evenly apart in random order and none at 0: away from every kink."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) + 0.25) * (2 / count) - 1).reshape(shape)
