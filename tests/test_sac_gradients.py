"""∂L/∂φ of the policy, through tanh, noise and critic, against differences and autograd."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box

from agents.memory.replay import Batch
from agents.sac import crossq, sac, td3, tqc
from agents.sac.agent import ActorCritic
from agents.setup import Setup
from drl.nn import Network
from drl.nn.batch_renorm import batch_statistics
from drl.nn.gradcheck import numerical_gradient, relative_error
from drl.nn.layers import Linear, ReLU

ROWS, D, K = 7, 3, 2
CHAINS = {"sac": sac, "td3": td3, "tqc": tqc}  # of linear layers and ReLU alone
KINDS = {**CHAINS, "crossq": crossq}


def build(module: ModuleType, backend: str = "numpy", **settings: Any) -> ActorCritic:
    config = module.Config(hidden=(5, 4), batch_size=ROWS, buffer_size=100, **settings)
    spaces = Box(-np.inf, np.inf, (D,), np.float32), Box(-2, 2, (K,), np.float32)
    return module.build(config, Setup(*spaces, backend=backend, dtype="float64"))  # type: ignore[no-any-return]


def observations(agent: ActorCritic) -> Any:
    return agent.ops.asarray(np.random.default_rng(0).standard_normal((ROWS, D)))


class Frozen:
    """An optimizer that moves nothing."""

    steps, lr = 1, 0.0

    def step(self) -> None: ...


def climbed(agent: ActorCritic, s: Any, noise: Any) -> np.ndarray:
    """∂L/∂φ of one step of the policy, which is not moved."""
    agent.optimizer = Frozen()  # type: ignore[assignment]
    agent._noise = lambda s: noise  # type: ignore[method-assign]
    agent._climb(s)
    return np.array(agent.ops.numpy(agent.net.grads))


def with_alpha(agent: ActorCritic) -> ActorCritic:
    """α = 0.3, and no step of it; TD3 has none."""
    if agent.temperature.value:
        agent.temperature.value = 0.3
    agent.temperature.step = lambda log_prob: None  # type: ignore[method-assign]
    return agent


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("kind", KINDS)
def test_policy_gradient_against_differences(kind: str, backend: str) -> None:
    agent = with_alpha(build(KINDS[kind], backend))
    s = observations(agent)
    noise = agent.ops.asarray(np.random.default_rng(1).standard_normal((ROWS, K)))

    def loss() -> float:  # mean [α log π(a|s) − Q(s, a)]
        with batch_statistics(agent.net):
            path = agent.actor.pathwise(agent.net(s), noise)
        q, _ = agent.critic.q(agent.critic_net(agent.ops.concat([s, path.action])))
        return float(agent.ops.mean(agent.temperature.value * path.log_prob - q))

    analytic = climbed(agent, s, noise)
    assert np.abs(analytic).max() > 1e-3
    assert relative_error(analytic, numerical_gradient(loss, agent.net.params)) < 1e-6


@pytest.mark.parametrize("kind", CHAINS)
def test_policy_gradient_against_autograd(kind: str) -> None:
    torch = pytest.importorskip("torch")
    agent = with_alpha(build(KINDS[kind]))
    s = observations(agent)
    noise = np.random.default_rng(1).standard_normal((ROWS, K))
    analytic = climbed(agent, s, noise)

    phi = torch.tensor(agent.net.params, requires_grad=True)
    x, alpha = torch.from_numpy(s), agent.temperature.value
    z = chain(torch, agent.net, agent.net.layers, phi, x)
    if kind == "td3":
        a, log_prob = torch.tanh(z), torch.zeros(ROWS, dtype=torch.float64)
    else:
        eps = torch.from_numpy(noise)
        u = z[:, :K] + z[:, K:].exp() * eps
        a = torch.tanh(u)
        density = -0.5 * eps**2 - z[:, K:] - 0.5 * np.log(2 * np.pi)
        log_prob = (density - torch.log(1 - a**2)).sum(1)
    theta = torch.from_numpy(agent.critic_net.params)
    (branches,) = agent.critic_net.layers
    sa = torch.cat([x, a], 1)
    outputs = [
        chain(torch, agent.critic_net, layers, theta, sa)
        for layers in branches.branches.values()  # type: ignore[attr-defined]
    ]
    if kind == "sac":
        q = torch.minimum(outputs[0], outputs[1])[:, 0]
    elif kind == "td3":
        q = outputs[0][:, 0]
    else:
        q = torch.cat(outputs, 1).mean(1)
    (alpha * log_prob - q).mean().backward()
    assert relative_error(analytic, phi.grad.numpy()) < 1e-10


def chain(torch: Any, net: Network, layers: Any, flat: Any, x: Any) -> Any:
    """A chain of linear layers and ReLU on parameters cut from the vector `flat`."""
    for layer in layers:
        if isinstance(layer, ReLU):
            x = torch.relu(x)
        elif isinstance(layer, Linear):
            inputs, outputs = layer.shapes["W"]
            start = net.spans[named(net, layer)].start
            end = start + inputs * outputs
            x = x @ flat[start:end].reshape(inputs, outputs) + flat[end : end + outputs]
    return x


def named(net: Network, layer: Any) -> str:
    return next(name for name, part, _ in net.stages() if part is layer)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("kind", KINDS)
def test_critic_gradient_against_differences(kind: str, backend: str) -> None:
    agent = build(KINDS[kind], backend)
    ops, rng = agent.ops, np.random.default_rng(2)
    s, a = ops.asarray(rng.standard_normal((ROWS, D))), ops.asarray(rng.uniform(-1, 1, (ROWS, K)))
    weight, discount = ops.asarray(rng.uniform(0.5, 1.5, ROWS)), ops.asarray(np.full(ROWS, 0.9))
    batch = Batch(s, a, ops.asarray(rng.standard_normal(ROWS)), discount, s + 0.1, weight, None)
    noise = ops.asarray(rng.standard_normal((ROWS, K)))
    z, y, backward = agent.targets.regression(batch, 0.3, noise)
    fit = agent.critic.fit(z, y, weight)
    backward(fit.dz)

    def loss() -> float:
        z = ops.numpy(agent.targets.regression(batch, 0.3, noise).z)
        return weighted_loss(kind, z, ops.numpy(y), ops.numpy(weight))

    analytic = np.array(ops.numpy(agent.critic_net.grads))
    assert relative_error(analytic, numerical_gradient(loss, agent.critic_net.params)) < 1e-6


def weighted_loss(kind: str, z: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """Written out another time, sample by sample."""
    if kind != "tqc":
        return float(0.5 * sum((weight * (q - y[:, 0]) ** 2).mean() for q in z.T))
    total, tau = 0.0, ((np.arange(25) + 0.5) / 25)[:, None]
    for row, targets, w in zip(z.reshape(ROWS, 5, 25), y, weight, strict=True):
        delta = targets - row[:, :, None]  # of each critic's 25 quantiles to each target
        huber = np.where(np.abs(delta) <= 1, 0.5 * delta**2, np.abs(delta) - 0.5)
        total += w * (np.abs(tau - (delta < 0)) * huber).mean(axis=(1, 2)).sum()
    return float(total / ROWS)


def test_fit_tells_the_loss_it_descends() -> None:
    for kind, module in KINDS.items():
        agent = build(module)
        critic, rng = agent.critic, np.random.default_rng(3)
        z = rng.standard_normal((ROWS, critic.critics * critic.values))
        y = rng.standard_normal((ROWS, 115 if kind == "tqc" else 1))
        ones = np.ones(ROWS)
        assert critic.fit(z, y, ones).loss() == pytest.approx(weighted_loss(kind, z, y, ones))


def test_both_halves_are_normalised_by_one_batch_and_none_follows() -> None:
    """CrossQ: the running statistics move once an update; the target is the critic's own."""
    agent = build(crossq)
    rng = np.random.default_rng(5)
    s, noise = rng.standard_normal((ROWS, D)), rng.standard_normal((ROWS, K))
    a, ones = rng.uniform(-1, 1, (ROWS, K)), np.ones(ROWS)
    batch = Batch(s, a, ones, 0.9 * ones, s + 1, ones, None)
    z, y, _ = agent.targets.regression(batch, 0.3, noise)
    first = agent.critic_net.buffers["branches0.q1.batchrenorm0.batches"]
    assert first == 1
    path = agent.actor.pathwise(agent.net(s + 1), noise)
    both = np.concatenate([np.concatenate([s, a], 1), np.concatenate([s + 1, path.action], 1)])
    with batch_statistics(agent.critic_net):
        q = agent.critic_net(both)
    np.testing.assert_allclose(z, q[:ROWS], rtol=1e-12)
    wanted = 1 + 0.9 * (q[ROWS:].min(1) - 0.3 * path.log_prob)
    np.testing.assert_allclose(y[:, 0], wanted, rtol=1e-12)


def test_smaller_of_two_is_bootstrapped_and_climbed() -> None:
    critic = build(sac).critic
    z = np.array([[1.0, 2.0], [4.0, 3.0]])
    np.testing.assert_array_equal(critic.bootstrap(z), [[1.0], [3.0]])
    q, backward = critic.q(z)
    np.testing.assert_array_equal(q, [1.0, 3.0])
    np.testing.assert_array_equal(backward(np.array([5.0, 7.0])), [[5.0, 0.0], [0.0, 7.0]])


def test_largest_quantiles_are_left_out() -> None:
    critic = build(tqc, critics=2, quantiles=3, drop=1).critic
    z = np.array([[5.0, 1.0, 9.0, 2.0, 8.0, 3.0]])
    np.testing.assert_array_equal(critic.bootstrap(z), [[1.0, 2.0, 3.0, 5.0]])


def test_target_by_hand() -> None:
    """y = r + discount (min Q̄(s′, a′) − α log π(a′|s′)), with the numbers of the parts."""
    agent = build(sac)
    rng = np.random.default_rng(4)
    s, noise = rng.standard_normal((ROWS, D)), rng.standard_normal((ROWS, K))
    r, discount = rng.standard_normal(ROWS), np.array([0.9] * 6 + [0.0])
    batch = Batch(s, rng.uniform(-1, 1, (ROWS, K)), r, discount, s + 1, np.ones(ROWS), None)
    agent.critic_net.params[:] *= 3  # the target network does not see it
    _, y, _ = agent.targets.regression(batch, 0.3, noise)
    path = agent.actor.pathwise(agent.net(s + 1), noise)
    q = agent.targets.target_net(np.concatenate([s + 1, path.action], 1))  # type: ignore[attr-defined]
    np.testing.assert_allclose(y[:, 0], r + discount * (q.min(1) - 0.3 * path.log_prob), rtol=1e-12)
    assert y[-1, 0] == r[-1]
