"""Compiled loops give numpy's numbers to the last bit, and take over while a training runs."""

import sys

import numpy as np
import pytest
from made import dqn
from made import step as one_step

import drl.nn.ops
import drl.nn.ops_compiled as ops_compiled
from agents.dqn.config import DQNConfig
from drl.nn import Linear, Network, loops, make_ops
from drl.nn.ops_compiled import CompiledOps, load_loops
from drl.nn.ops_numpy import NumpyOps
from drl.nn.optim import Adam, AdamW

numba = pytest.importorskip("numba")
DTYPES = ("float32", "float64")


def pair(dtype: str) -> tuple[NumpyOps, NumpyOps]:
    fast = CompiledOps(dtype)
    assert load_loops(fast)
    return NumpyOps(dtype), fast


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 7, 64, 5003])  # with and without a rest behind whole vectors
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_adam_and_lerp(dtype: str, size: int, decay: float) -> None:
    rng = np.random.default_rng(size)
    arrays = [[np.zeros(size, dtype) for _ in range(4)] for _ in range(2)]
    for step in range(1, 30):
        grads = rng.normal(size=size) * 10.0 ** rng.integers(-6, 6, size=size)
        for ops, (params, target, m, v) in zip(pair(dtype), arrays, strict=True):
            ops.adam(
                params, grads.astype(dtype), m, v, step, 1e-3, 0.9, 0.999, 1e-8, decay
            )  # fmt: skip
            ops.lerp(target, params, 0.005)
    assert all(map(same, *arrays)) and np.any(arrays[0][1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(33, 5), (1, 1), (4, 3, 3, 2), (6, 2, 3)])
def test_normalise(dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    own = shape[-1:] if len(shape) == 4 else shape[1:]
    mean, rate = rng.normal(size=(2, *own)).astype(dtype)
    high = np.where(rng.random(own) < 0.3, np.inf, 1.0).astype(dtype)
    x = rng.normal(size=shape).astype(dtype) * 3
    x.flat[0] = np.nan
    results = [ops.normalise(x, mean, abs(rate), -high, high) for ops in pair(dtype)]
    assert same(*results)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_way_back_through_tanh(dtype: str) -> None:
    rng = np.random.default_rng(0)
    dy, x = rng.normal(size=(2, 33, 65)).astype(dtype)
    dy[0, :3] = np.nan, np.inf, -np.inf
    plain, fast = (ops.tanh_backward(dy, np.tanh(x)) for ops in pair(dtype))
    assert same(plain, fast)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(33, 16), (1, 1), (7, 3), (128, 130)])
def test_layer_norm_and_its_way_back(dtype: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, *shape)).astype(dtype) * 3
    gain, offset = rng.normal(size=(2, shape[1])).astype(dtype)
    x[0, 0] = np.inf
    results = []
    for ops in pair(dtype):
        with np.errstate(invalid="ignore"):
            y, unit, rate = ops.layer_norm(x, gain, offset, 1e-5)
            results.append((y, unit, rate, ops.layer_norm_backward(dy, unit, rate, gain)))
    assert all(map(same, *results))


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, 115])
def test_counts_of_smaller_numbers(size: int) -> None:
    rng = np.random.default_rng(size)
    a = np.sort(rng.integers(-9, 9, (5, size)).astype(float), axis=1)  # with ties
    x = np.concatenate([rng.normal(0, 6, (5, 20)), rng.integers(-9, 9, (5, 9)), a], axis=1)
    plain, fast = (ops.below(a, x) for ops in pair("float32"))
    assert same(plain, fast) and np.array_equal(fast, (a[:, None] < x[:, :, None]).sum(2))
    assert same(plain, pair("float32")[1].below(np.asfortranarray(a), x[:, ::-1])[:, ::-1].copy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_and_the_way_back_through_relu(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, W, b = (rng.normal(size=s).astype(dtype) for s in ((33, 20), (20, 65), (65,)))
    dy = rng.normal(size=(33, 65)).astype(dtype)
    dy[0, :3] = np.nan, np.inf, -np.inf
    results = []
    for ops in pair(dtype):
        y = ops.relu(ops.linear(x, W, b))
        with np.errstate(invalid="ignore"):
            results.append((y, ops.relu_backward(dy, y)))
    assert all(map(same, *results))


@pytest.mark.parametrize("spoil", [np.asfortranarray, np.float64, lambda a: a[:, ::2]])
def test_other_arrays_take_numpys_way(spoil) -> None:
    rng = np.random.default_rng(0)
    dy, y = (spoil(rng.normal(size=(6, 8)).astype(np.float32)) for _ in range(2))
    plain, fast = pair("float32")
    assert same(plain.relu_backward(dy, y), fast.relu_backward(dy, y))
    assert same(plain.tanh_backward(dy, y), fast.tanh_backward(dy, y))
    x, W = rng.normal(size=(5, 6)).astype(np.float64), rng.normal(size=(6, 3))
    assert same(plain.linear(x, W, W[0]), fast.linear(x, W, W[0]))
    a, b = np.zeros((2, 8), np.float32)[:, ::2]
    fast.lerp(a, np.ones(4, np.float32), 0.5)
    assert a.tolist() == [0.5] * 4 and not b.any()


def test_a_training_is_the_same_whenever_they_take_over(monkeypatch) -> None:
    """Ten updates of Double DQN: on numpy, compiled from the fourth on, compiled from the first."""
    config = DQNConfig(hidden=(16, 16), batch_size=8, buffer_size=64, bootstrap="double")
    rng = np.random.default_rng(0)
    s, s_next = rng.normal(size=(2, 64, 4)).astype(np.float32)
    a, none = rng.integers(2, size=64), np.zeros(64, bool)
    ends = []
    for take_over in (None, 4, 1):
        fresh = NumpyOps() if take_over is None else CompiledOps()
        monkeypatch.setattr("agents.dqn.networks.make_ops", lambda *_, ops=fresh: ops)
        agent = dqn(config, (4,), seed=0, num_envs=64)
        if take_over is not None:
            fresh.late.left = take_over * agent.net.size
        agent.observe(s, a, one_step(np.ones(64), none, none, s_next))
        for update in range(10):
            agent.learn()
            if take_over is not None:
                assert (fresh.late.loops is not None) == (update + 1 >= take_over)
        ends.append((agent.net.params, agent.target_net.params))
    assert all(map(same, ends[0], ends[1])) and all(map(same, ends[0], ends[2]))


def test_they_are_loaded_after_so_many_numbers() -> None:
    ops = CompiledOps()
    ops.late.left = 100
    first, second = (Network([Linear(2)], 12, ops) for _ in range(2))  # 26 parameters each
    optimizers = AdamW(first), Adam(second)
    for optimizer in (*optimizers, optimizers[0]):
        optimizer.step()
    assert ops.late.loops is None
    optimizers[1].step()  # the trainings of a process count together
    assert ops.late.loops is not None and type(ops) is CompiledOps
    assert type(make_ops("numpy")) is CompiledOps


def test_without_numba_nothing_changes(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)  # importing it fails
    shared = drl.nn.ops._shared_ops.__wrapped__  # unseen by the other tests
    assert type(shared("numpy", "float32", "cpu")) is NumpyOps
    for cached in (ops_compiled.load, ops_compiled.compiled):
        cached.cache_clear()
    ops = CompiledOps()  # numba is found, and does not fit this numpy
    ops.late.left = 1
    Adam(Network([Linear(2)], 3, ops)).step()
    assert ops.late.loops is None and ops.late.left <= 0
    assert not load_loops(ops)
    for cached in (ops_compiled.load, ops_compiled.compiled):
        cached.cache_clear()


def test_torch_keeps_its_own() -> None:
    assert not load_loops(make_ops("torch"))


def test_no_multiply_and_add_in_one() -> None:
    """It rounds once where numpy rounds twice."""
    for name, signature in ops_compiled.signatures("float32").items():
        loop = numba.njit(signature, error_model="numpy")(getattr(loops, name))
        (assembly,) = loop.inspect_asm().values()  # a kept one shows none
        assert "mul" in assembly or name in ("add_rows", "below")
        assert not any(f in assembly for f in ("fmadd", "fmsub", "fnmadd", "fmla"))
