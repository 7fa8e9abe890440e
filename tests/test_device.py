"""A GPU's code path where there is none: what is copied to the host, what lies on which device."""

from typing import Any

import numpy as np
import pytest
import torch
from made import dqn, step
from torch.utils._python_dispatch import TorchDispatchMode

from agents.dqn import networks
from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig
from drl.nn.ops_torch import TorchOps
from drl.supervised.data import load
from drl.supervised.presets import Preset
from drl.supervised.training import REPORT_EVERY, Training

VARIANTS: list[dict[str, Any]] = [
    {"bootstrap": "max"},
    {"bootstrap": "double", "dueling": True, "noisy": True},
    {"bootstrap": "munchausen", "max_grad_norm": 10.0},
    {"head": "c51"},
    {"head": "qr"},
    {"head": "iqn"},
]
each_variant = pytest.mark.parametrize("settings", VARIANTS, ids=str)


def filled(settings: dict[str, Any], device: str = "cpu") -> DQN:
    """An agent on torch with 64 transitions in its memory."""
    config = DQNConfig(**{"hidden": (16, 16), "batch_size": 8, **settings})
    agent = dqn(config, (4,), num_envs=64, backend="torch", device=device)
    rng = np.random.default_rng(0)
    s = rng.normal(size=(65, 4)).astype(np.float32)
    none = np.zeros(64, bool)
    agent.observe(s[:-1], rng.integers(2, size=64), step(np.ones(64), none, none, s[1:]))
    return agent


class HostReads(TorchDispatchMode):
    """Counts numbers and arrays that leave torch: item() and its like, cpu(), numpy()."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.count = 0
        for name in ("cpu", "numpy", "tolist", "__array__"):
            monkeypatch.setattr(torch.Tensor, name, self._counted(getattr(torch.Tensor, name)))

    def _counted(self, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return method(*args, **kwargs)

        return call

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("read", [float, bool, np.asarray, lambda x: x.tolist(), lambda x: x.cpu()])
def test_a_read_is_counted(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with HostReads(monkeypatch) as reads:
        torch.ones(1) * 2
        assert reads.count == 0
        read(torch.ones(1))
    assert reads.count > 0


@each_variant
def test_an_update_reads_three_numbers(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The norms of the gradient, the errors and the parameters, which must be seen to be finite."""
    agent = filled(settings)
    with HostReads(monkeypatch) as reads:
        agent.learn()
    assert reads.count == 3


def test_an_update_of_the_digits_reads_three_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The norms of the gradient and the parameters, and the loss; the labels are checked before."""
    preset = Preset(epochs=1, batch_size=16, lr=0.01, decay=0.1, hidden=(12,))
    job = Training(load("digits", seed=10), preset, backend="torch")
    with HostReads(monkeypatch) as reads:
        report = next(iter(job))
    assert report.update == REPORT_EVERY
    assert reads.count == 3 * REPORT_EVERY + 3  # the report's loss, accuracy and gradient norm


def test_priorities_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = filled({"prioritized": True})
    with HostReads(monkeypatch) as reads:
        agent.learn()
    assert reads.count > 3  # the norms, and the errors


@each_variant
def test_no_array_stays_behind(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On torch's "meta" device, which has no memory: it refuses what lies elsewhere or is read."""
    monkeypatch.setattr(networks, "make_ops", lambda _, dtype, __: TorchOps(dtype, "meta"))
    monkeypatch.setattr(TorchOps, "norm", lambda self, a: 1.0)  # all that an update reads
    agent = filled(settings)
    seen = agent.learn().seen
    assert seen.error.device.type == agent.net.params.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@each_variant
def test_a_gpu_learns_the_same(settings: dict[str, Any]) -> None:
    here, there = filled(settings), filled(settings, "cuda")
    for _ in range(5):
        here.learn()
        there.learn()
    params = there.ops.numpy(there.net.params)
    np.testing.assert_allclose(here.ops.numpy(here.net.params), params, rtol=1e-3, atol=1e-5)
