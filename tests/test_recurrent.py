"""The GRU, and networks with a state: by hand, beside torch's own, step by step and all at once.

Their gradients against differences and autograd: `drl check-gradients` (drl/bench/gradients.py).
"""

import copy
import pickle

import numpy as np
import pytest

from drl.nn import GRU, Linear, Network, Recurrent, Tanh, make_ops
from drl.nn.branches import Branches, Slice
from drl.nn.gradcheck import numerical_gradient, parameters, relative_error
from drl.nn.part import part

LIBRARIES = ["numpy", "torch"]
each_library = pytest.mark.parametrize("library", LIBRARIES)
T, B, INPUTS = 5, 3, 4
STARTS = np.zeros((T, B), bool)
STARTS[0, 1] = STARTS[2, 1] = STARTS[3, 0] = True


def two_branches(library: str = "numpy", dtype: str = "float64", seed: int = 1) -> Recurrent:
    """A state below the branches, one in each of two of them, none in the third."""
    layers = [
        Linear(5), Tanh(), GRU(3),
        Branches({
            "policy": [GRU(2), Linear(2)],
            "both": [Slice(0, 2)],
            "value": [Linear(4), Tanh(), GRU(4), Linear(1)],
        }),
    ]  # fmt: skip
    return Recurrent(layers, INPUTS, make_ops(library, dtype), seed)


def data(net: Recurrent, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (T·B, I), h (B, S) and ∂L/∂y (T·B, O)."""
    rng = np.random.default_rng(seed)
    sizes = (T * B, INPUTS), (B, net.state_size), (T * B, net.output_shapes[-1][0])
    x, h, dy = (rng.normal(size=size) for size in sizes)
    return x, h, dy


@each_library
def test_one_step_by_hand(library: str) -> None:
    """One unit, one input, x = 2, h = ½; σ(ln 3) = ¾, tanh(½ ln 3) = ½."""
    net = Recurrent([GRU(1)], 1, make_ops(library, "float64"))
    (layer,) = net.layers
    ln3 = np.log(3)
    layer.W[:] = net.ops.asarray([[0.5 * ln3, 0.0, 0.125 * ln3]])
    layer.U[:] = net.ops.asarray([[1.0, 2 * ln3, 2.0]])
    layer.b[:] = net.ops.asarray([-0.5, 0.0, 0.25 * ln3])
    layer.c[:] = net.ops.asarray([-1.0])
    # r = σ(ln 3 + ½ − ½) = ¾,  z = σ(2 ln 3 · ½) = ¾,  hU_n + c = 1 − 1 = 0
    # n = tanh(¼ ln 3 + ¼ ln 3 + ¾ · 0) = ½,  h′ = ¼ · ½ + ¾ · ½ = ½
    y, after, backward = net.unroll([[2.0]], [[0.5]])
    np.testing.assert_allclose(net.ops.numpy(y), [[0.5]], rtol=1e-14)
    np.testing.assert_allclose(net.ops.numpy(after), [[0.5]], rtol=1e-14)
    # ∂n's argument = ¼ (1 − ¼) = 3/16;  ∂r's: times 0;  ∂z's: (½ − ½) = 0
    dx = backward([[1.0]], inputs=True)
    np.testing.assert_allclose(net.ops.numpy(dx), [[3 / 16 * 0.125 * ln3]], rtol=1e-14)
    np.testing.assert_allclose(net.ops.numpy(layer.dW), [[0, 0, 3 / 8]], atol=1e-15)
    np.testing.assert_allclose(net.ops.numpy(layer.dU), [[0, 0, 9 / 128]], atol=1e-15)
    np.testing.assert_allclose(net.ops.numpy(layer.db), [0, 0, 3 / 16], atol=1e-15)
    np.testing.assert_allclose(net.ops.numpy(layer.dc), [9 / 64], atol=1e-15)


@each_library
@pytest.mark.parametrize(("steps", "count", "inputs", "units"),
                         [(5, 3, 4, 6), (1, 3, 4, 6), (5, 1, 4, 6), (5, 3, 1, 6), (5, 3, 4, 1),
                          (1, 1, 1, 1)])  # fmt: skip
def test_it_is_torchs(library: str, steps: int, count: int, inputs: int, units: int) -> None:
    """torch.nn.GRU and its autograd, in float64: outputs and every gradient within 1e-10."""
    torch = pytest.importorskip("torch")
    net = Recurrent([GRU(units)], inputs, make_ops(library, "float64"), seed=2)
    rng = np.random.default_rng(3)
    net.params[:] = net.ops.asarray(rng.normal(size=net.size))
    x, h = rng.normal(size=(steps * count, inputs)), rng.normal(size=(count, units))
    dy = rng.normal(size=(steps * count, units))
    y, after, backward = net.unroll(x, h)
    dx = backward(dy, inputs=True)

    theirs = torch.nn.GRU(inputs, units).double()
    W, U, b, c = (torch.tensor(net.ops.numpy(parameters(net)[f"gru0.{of}"])) for of in "WUbc")
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(W.T)
        theirs.weight_hh_l0.copy_(U.T)
        theirs.bias_ih_l0.copy_(b)
        theirs.bias_hh_l0.copy_(torch.cat([torch.zeros(2 * units).double(), c]))
    seen = torch.tensor(x.reshape(steps, count, inputs), requires_grad=True)
    made, last = theirs(seen, torch.tensor(h[None]))
    made.backward(torch.tensor(dy.reshape(steps, count, units)))
    pairs = {
        "y": (y, made.detach().reshape(-1, units)),
        "h": (after[-count:], last.detach()[0]),
        "x": (dx, seen.grad.reshape(-1, inputs)),
        "W": (net.layers[0].dW, theirs.weight_ih_l0.grad.T),
        "U": (net.layers[0].dU, theirs.weight_hh_l0.grad.T),
        "b": (net.layers[0].db, theirs.bias_ih_l0.grad),
        "c": (net.layers[0].dc, theirs.bias_hh_l0.grad[2 * units :]),
    }
    for name, (ours, other) in pairs.items():
        np.testing.assert_allclose(net.ops.numpy(ours), other, rtol=1e-10, atol=1e-13, err_msg=name)


@each_library
def test_gradients_of_a_whole_network_against_differences(library: str) -> None:
    """States below branches and within them; episodes that begin on the way."""
    net = two_branches(library)
    x, h, dy = data(net)
    x, weights = net.ops.asarray(x), net.ops.asarray(dy)

    def loss() -> float:
        return float(net.ops.sum(net.unroll(x, h, STARTS.reshape(-1))[0] * weights))

    backward = net.unroll(x, h, STARTS.reshape(-1))[2]
    net.unroll(2 * x, h)  # another that is open besides
    dx = net.ops.numpy(backward(dy, inputs=True))
    assert relative_error(dx.ravel(), numerical_gradient(loss, x)) < 1e-8
    (branches,) = net.layers[-1:]
    for layer in (*net.layers[:-1], *(inner for inner, _ in branches.inside())):
        for name in layer.shapes:
            analytic = net.ops.numpy(getattr(layer, f"d{name}")).ravel()
            numeric = numerical_gradient(loss, getattr(layer, name))
            assert relative_error(analytic, numeric) < 1e-8, f"{layer.name}.{name}"


@each_library
def test_step_by_step_it_is_the_same(library: str) -> None:
    net = two_branches(library)
    x, h, _ = data(net)
    y, after, _ = net.unroll(x, h, STARTS.reshape(-1))
    assert after.shape == (T * B, 9) == (T * B, net.state_size)
    state = h
    for t in range(T):
        rows = slice(t * B, (t + 1) * B)
        one, state, _ = net.unroll(x[rows], state, STARTS[t])
        np.testing.assert_allclose(net.ops.numpy(one), net.ops.numpy(y[rows]), rtol=1e-12)
        np.testing.assert_allclose(net.ops.numpy(state), net.ops.numpy(after[rows]), rtol=1e-12)


@each_library
def test_where_an_episode_begins_nothing_is_left_of_the_one_before(library: str) -> None:
    """Cut there, and begun from zeros, the rest is the same; so are its gradients."""
    net = two_branches(library)
    x, h, dy = data(net)
    starts = np.zeros((T, B), bool)
    starts[2] = True
    y, _, backward = net.unroll(x, h, starts.reshape(-1))
    dx = net.ops.numpy(backward(dy, inputs=True)).copy()
    whole = net.ops.numpy(net.grads).copy()
    total = np.zeros(net.size)
    for rows, begin in ((slice(0, 2 * B), h), (slice(2 * B, T * B), net.initial(B))):
        one, _, back = net.unroll(x[rows], begin)
        np.testing.assert_allclose(net.ops.numpy(one), net.ops.numpy(y[rows]), rtol=1e-12)
        part_dx = net.ops.numpy(back(dy[rows], inputs=True))
        np.testing.assert_allclose(part_dx, dx[rows], rtol=1e-10, atol=1e-14)
        total += net.ops.numpy(net.grads)
    np.testing.assert_allclose(total, whole, rtol=1e-10, atol=1e-13)


@each_library
@pytest.mark.parametrize("rows", [1, B, 2 * B + 1, T * B])
def test_a_gradient_of_the_first_rows_alone(library: str, rows: int) -> None:
    net = two_branches(library)
    x, h, dy = data(net)
    dy[rows:] = 0
    results = []
    for given in (dy, dy[:rows]):
        backward = net.unroll(x, h, STARTS.reshape(-1))[2]
        dx = net.ops.numpy(backward(given, inputs=True))
        padded = np.zeros((T * B, INPUTS))
        padded[: len(dx)] = dx
        results.append((padded, net.ops.numpy(net.grads).copy()))
    for whole, first in zip(*results, strict=True):
        np.testing.assert_allclose(first, whole, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-5), ("float64", 1e-11)])
def test_libraries_agree(dtype: str, rtol: float) -> None:
    results = []
    for library in LIBRARIES:
        net = two_branches(library, dtype)
        x, h, dy = data(net)
        y, after, backward = net.unroll(x, h, STARTS.reshape(-1))
        dx = backward(dy, inputs=True)
        results.append([net.ops.numpy(array) for array in (y, after, dx, net.params, net.grads)])
        assert all(array.dtype == dtype for array in results[-1])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol / 10)


def test_a_part_has_its_own_states() -> None:
    """Those of the trunk, then of its branch; on the same parameters."""
    net = two_branches()
    x, h, _ = data(net)
    y, after, _ = net.unroll(x, h, STARTS.reshape(-1))
    policy, value = part(net, "policy"), part(net, "value")
    assert isinstance(policy, Recurrent) and isinstance(value, Recurrent)
    assert (policy.state_size, value.state_size) == (3 + 2, 3 + 4)
    for some, columns, states in (
        (policy, [0, 1], [0, 1, 2, 3, 4]),
        (value, [4], [0, 1, 2, 5, 6, 7, 8]),
    ):
        one, own, _ = some.unroll(x, h[:, states], STARTS.reshape(-1))
        np.testing.assert_allclose(one, y[:, columns], rtol=1e-12)
        np.testing.assert_allclose(own, after[:, states], rtol=1e-12)
    both = part(net, "value", "policy")
    assert both.state_size == 3 + 4 + 2
    one, _, _ = both.unroll(x, h[:, [0, 1, 2, 5, 6, 7, 8, 3, 4]], STARTS.reshape(-1))
    np.testing.assert_allclose(one, y[:, [4, 0, 1]], rtol=1e-12)


@each_library
def test_copies_are_networks_of_their_own(library: str) -> None:
    net = two_branches(library)
    x, h, dy = data(net)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        y, _, backward = other.unroll(x, h)
        np.testing.assert_array_equal(net.ops.numpy(y), net.ops.numpy(net.unroll(x, h)[0]))
        backward(dy)
        other.params[:] = other.params - other.grads
        assert not np.allclose(
            net.ops.numpy(net.unroll(x, h)[0]), other.ops.numpy(other.unroll(x, h)[0])
        )


def test_recurrent_weights_begin_orthonormal() -> None:
    net = Recurrent([GRU(6)], 3, make_ops("numpy", "float64"), seed=4)
    W, U, b, c = (parameters(net)[f"gru0.{of}"] for of in "WUbc")
    for gate in np.split(U, 3, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(6), atol=1e-12)
    assert (
        not b.any() and not c.any() and np.abs(W).max() <= np.sqrt(6 / 9)
    )  # Glorot's, gate by gate
    assert len({part.tobytes() for part in np.split(U, 3, axis=1)}) == 3


def test_what_it_is_in_words() -> None:
    net = two_branches()
    assert "branches0.policy.gru0" in net.describe() and "3 gates" in net.describe()
    linear, gru = 4 * 5, 3 * 3 * (5 + 3)
    assert net.multiplications()[:2] == [linear, gru]


def test_mistakes_are_one_line() -> None:
    ops = make_ops("numpy", "float64")
    with pytest.raises(ValueError, match="needs a layer that carries a state: GRU"):
        Recurrent([Linear(2)], 3, ops)
    with pytest.raises(ValueError, match="make the network a drl.nn.Recurrent"):
        Network([GRU(2)], 3, ops)
    with pytest.raises(ValueError, match="unroll it"):
        Recurrent([GRU(2)], 3, ops)(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="at least 1 unit"):
        GRU(0)
    with pytest.raises(ValueError, match="put Flatten before"):
        Recurrent([GRU(2)], (3, 3), ops)
    net = Recurrent([GRU(2)], 3, ops)
    for rows, h, starts in ((4, np.zeros((3, 2)), None), (3, np.zeros((3, 1)), None),
                            (3, np.zeros((0, 2)), None)):  # fmt: skip
        with pytest.raises(ValueError, match=r"do not fit: expected states \(B, 2\)"):
            net.unroll(np.zeros((rows, 3)), h, starts)
    with pytest.raises(ValueError, match=r"starts \(2,\) for 4 rows"):
        net.unroll(np.zeros((4, 3)), np.zeros((2, 2)), np.zeros(2, bool))
