"""Copies of networks, optimizers, agents, policies and memories work on their own."""

import copy
import multiprocessing
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made import dqn
from made import policy as policy_of
from made import step as one_step

from agents import DQNConfig, Parts
from agents.memory.replay import ReplayBuffer
from drl.nn import MLP, MSE, Adam, Conv, Conv2d, Flatten, Linear, Network, Pool, ReLU, Scale, Tanh
from drl.nn import optim as optimizers
from drl.nn.dueling import Dueling
from drl.nn.embedding import QuantileEmbedding
from drl.nn.layers import Layer
from drl.nn.noisy import NoisyLinear
from drl.nn.ops import make_ops

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])


def pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def sent(thing: Any) -> Any:
    """As multiprocessing sends it to another process; torch registers ways of its own for that."""
    from multiprocessing.reduction import ForkingPickler

    return pickle.loads(ForkingPickler.dumps(thing))


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy, "pickle": pickled, "sent": sent
}  # fmt: skip
each_copy = pytest.mark.parametrize("how", COPIES)


class Offset(Layer):
    """A layer of one's own, with an array that `bind` derives and a count that it begins."""

    def build(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        self.shapes = {"b": shape}
        return shape

    def bind(self, ops: Any, arrays: dict[str, Any]) -> None:
        super().bind(ops, arrays)
        self.flat_b, self.calls = self.b.reshape(-1), 0

    def forward(self, x: Any) -> Any:
        self.calls += 1

        def backward(dy: Any, inputs: bool = True) -> Any:
            self.ops.sum_rows(dy, out=self.db)
            return dy

        return x + self.flat_b, backward


NETS: dict[str, Callable[[str], Network]] = {
    "MLP": lambda library: MLP(4, 3, (5, 5), scale=0.5, backend=library),
    "MLP float64": lambda library: MLP(4, 3, (5,), backend=library, dtype="float64"),
    "conv": lambda library: MLP(
        (6, 6, 2), 3, (5,), "tanh", conv=(Conv(3, 2), Pool(2)), backend=library
    ),
    "dueling, noisy": lambda library: Network(
        [Linear(6), Tanh(), Dueling(3, 2, NoisyLinear)], 4, make_ops(library), 1
    ),
    "noisy": lambda library: Network(
        [NoisyLinear(6), ReLU(), NoisyLinear(2)], 4, make_ops(library)
    ),
    "embedding": lambda library: Network(
        [Scale((1.0, 2.0)), QuantileEmbedding(5), Linear(3)], 2, make_ops(library)
    ),
    "of one's own": lambda library: Network([Offset(), Flatten(), Linear(2)], 3, make_ops(library)),
}  # fmt: skip
OPTIMIZERS = ["SGD", "Momentum", "RMSProp", "CentredRMSProp", "Adam", "RAdam", "AdamW"]


def learn(net: Network, optimizer: Any, steps: int = 3) -> Any:
    """Some steps towards random numbers; the outputs before the last one, in numpy."""
    rng = np.random.default_rng(8)
    x = net.ops.asarray(rng.normal(size=(6, *net.input_shape)))
    tau = net.ops.asarray([[0.2, 0.7]]) if net.conditional else None
    for _ in range(steps):
        y, backward = net.forward(x, tau)
        backward(MSE(net.ops)(y, net.ops.asarray(rng.normal(size=tuple(y.shape))))[1])
        optimizer.step()
    return net.ops.numpy(y).copy()


def numbers(net: Network) -> np.ndarray:
    return net.ops.numpy(net.params).copy()


@each_library
@each_copy
@pytest.mark.parametrize("name", NETS)
def test_a_copied_network_learns_as_the_original_does(name: str, how: str, library: str) -> None:
    net = NETS[name](library)
    optimizer = Adam(net, 0.01)
    net.resample(np.random.default_rng(3))
    learn(net, optimizer)
    before = numbers(net)
    net_copy, optimizer_copy = COPIES[how]((net, optimizer))
    assert optimizer_copy.net is net_copy and net_copy.ops is net.ops
    outputs = learn(net_copy, optimizer_copy)
    assert np.array_equal(numbers(net), before)  # nothing is shared
    assert not np.array_equal(numbers(net_copy), before)
    assert np.array_equal(learn(net, optimizer), outputs)  # the noise is the same too
    assert np.array_equal(numbers(net), numbers(net_copy))


@each_library
@each_copy
def test_a_copied_network_reads_what_is_loaded(how: str, library: str) -> None:
    net = COPIES[how](MLP(4, 3, (5,), backend=library, seed=2))
    net.load(np.zeros(net.size, np.float32))
    assert not net.ops.numpy(net(np.ones((2, 4), np.float32))).any()
    net.copy_from(MLP(4, 3, (5,), backend=library, seed=2))
    assert net.ops.numpy(net(np.ones((2, 4), np.float32))).any()


@each_library
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copied_optimizer_goes_on_with_its_moments(name: str, library: str) -> None:
    net = MLP(4, 3, (5,), backend=library)
    optimizer = getattr(optimizers, name)(net, 0.01)
    learn(net, optimizer, 4)
    for how in COPIES.values():
        other = how(optimizer)  # alone: it brings the copy of its network
        assert other.net is not net and np.array_equal(numbers(other.net), numbers(net))
        assert other.steps == 4 and np.array_equal(
            *map(net.ops.numpy, (other.last_change(), optimizer.last_change()))
        )
        for moment in optimizer.moments:
            assert not net.ops.share(getattr(other, moment), getattr(optimizer, moment))
        reference = copy.deepcopy(optimizer)
        learn(reference.net, reference)
        learn(other.net, other)
        assert np.array_equal(numbers(other.net), numbers(reference.net))


@each_library
def test_one_layer_is_copied_with_its_numbers(library: str) -> None:
    net = MLP((5, 5, 1), 3, (4,), conv=(Conv(2, 2),), backend=library)
    for layer in net.layers:
        for how in COPIES.values():
            other = how(layer)
            for name in layer.shapes:
                assert (getattr(other, name) == getattr(layer, name)).all()
                assert not net.ops.share(getattr(other, name), net.params)
    assert copy.deepcopy(Conv2d(3, 2)).build((4, 4, 1)) == (3, 3, 3)  # in no network yet


def test_a_pickle_holds_the_numbers_once() -> None:
    for library in ("numpy", "torch"):
        net = MLP(64, 4, (64, 64, 64), backend=library)
        assert len(pickle.dumps(net)) < 2.2 * 4 * net.size + 10_000  # θ and ∂L/∂θ


def test_a_layer_belongs_to_one_network() -> None:
    """Its arrays could be views of one vector only: the other network would no longer learn."""
    layers, ops = [Linear(3), ReLU(), Linear(2)], make_ops("numpy")
    net = Network(layers, 4, ops)
    for wrong in (layers, [layers[0]], [shared := Linear(4), ReLU(), shared]):
        with pytest.raises(ValueError, match="make a new layer"):
            Network(wrong, 4, ops)
    assert net(np.ones((1, 4))).shape == (1, 2)
    Network([Linear(3), layers[1], Linear(3), layers[1]], 4, ops)  # without parameters: as often


# -- agents ---------------------------------------------------------------------------------------
KINDS: dict[str, dict[str, Any]] = {
    "plain": {}, "rainbow's parts": {
        "dueling": True, "noisy": True, "prioritized": True, "n_step": 3, "head": "c51"
    },
    "iqn": {"head": "iqn", "bootstrap": "munchausen", "ez_mu": 2.0},
    "qr": {"head": "qr"}, "images": {"conv": "minatar"},
}  # fmt: skip


def agent_of(kind: str, library: str) -> Any:
    shape, dtype = ((5, 5, 1), np.uint8) if kind == "images" else ((4,), np.float32)
    config = DQNConfig(hidden=(8,), buffer_size=50, batch_size=4, learning_starts=10, **KINDS[kind])
    return dqn(config, shape, dtype, 3, num_envs=2, backend=library)


def live(agent: Any, steps: int = 30, seed: int = 0) -> np.ndarray:
    """Act, observe, learn; the parameters."""
    rng, frames = np.random.default_rng(seed), agent.replay.storage.key_dtype == np.int64
    shape, dtype = ((5, 5, 1), np.uint8) if frames else ((4,), np.float32)

    def draw() -> np.ndarray:
        return rng.integers(0, 9, (2, *shape)).astype(dtype)

    s = draw()
    for step in range(steps):
        a, s_next, ended = agent.act(s, step), draw(), rng.random(2) < 0.1
        agent.observe(s, a, one_step(rng.normal(size=2), ended, [0, 0], s_next))
        s = s_next
        if step > 10:
            agent.learn()
    return np.concatenate([numbers(agent.net), numbers(agent.target_net)])


@each_library
@each_copy
@pytest.mark.parametrize("kind", KINDS)
def test_a_copied_agent_goes_on_as_the_original_does(kind: str, how: str, library: str) -> None:
    agent = agent_of(kind, library)
    if kind == "rainbow's parts":
        agent.replay.sampler.tree.load_loop()
    before = live(agent)
    other = COPIES[how](agent)
    assert other.optimizer.net is other.net and other.nstep.replay is other.replay
    after = live(other, seed=2)
    assert not np.array_equal(after, before)
    assert np.array_equal(np.concatenate([numbers(agent.net), numbers(agent.target_net)]), before)
    assert np.array_equal(live(agent, seed=2), after)


@each_copy
def test_a_copied_memory_goes_on(how: str) -> None:
    agent = agent_of("rainbow's parts", "numpy")
    live(agent)
    other: ReplayBuffer = COPIES[how](agent.replay)
    for _ in range(3):
        assert np.array_equal(agent.replay.sample().rows, other.sample().rows)
    assert not np.may_share_memory(agent.replay.s, other.s)


@each_library
@each_copy
def test_a_copied_policy_decides_the_same_and_follows_its_own_network(
    how: str, library: str
) -> None:
    own = Parts(
        net=lambda shape, outputs, *, seed: MLP(shape, outputs, (8,), backend=library, seed=seed)
    )
    made = policy_of(DQNConfig(hidden=(8,)), (4,), actions=3, parts=own)
    other, x = COPIES[how](made), np.random.default_rng(0).normal(size=(20, 4))
    assert np.array_equal(made.q(x), other.q(x))
    other.net.load(np.zeros(other.net.size, np.float32))
    assert not other.q(x).any() and made.q(x).any()


# -- processes ------------------------------------------------------------------------------------
def in_a_child(net: Network, optimizer: Any, answer: Any) -> None:
    learn(net, optimizer)
    answer.put(numbers(net))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@each_library
def test_a_network_learns_in_another_process(library: str, method: str) -> None:
    net = MLP(4, 3, (5,), backend=library)
    optimizer = Adam(net, 0.01)
    learn(net, optimizer)
    before, context = numbers(net), multiprocessing.get_context(method)
    answer = context.Queue()
    child = context.Process(target=in_a_child, args=(net, optimizer, answer))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside the queue's thread
        child.start()
    there = answer.get(timeout=60)
    child.join()
    assert np.array_equal(numbers(net), before)
    learn(net, optimizer)
    assert np.array_equal(numbers(net), there)


def test_an_unbound_layer_goes_into_another_network() -> None:
    for make in NETS.values():
        net = make("numpy")
        other = Network([layer.unbound() for layer in net.layers], net.input_shape, net.ops)
        before = numbers(net)
        learn(other, Adam(other, 0.01))
        assert np.array_equal(numbers(net), before) and not np.array_equal(numbers(other), before)
