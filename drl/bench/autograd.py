"""The same training steps as one writes them with torch: nn layers, backward(), fused Adam."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from drl.nn.conv import FRONTS, Conv

Step = Callable[[], Any]


def dense(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for i, o in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(i, o), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def convolutional(
    front: str, shape: tuple[int, int, int], hidden: Sequence[int], outputs: int
) -> nn.Sequential:
    """The same net as MLP(shape, outputs, hidden, conv=front); images (B, C, H, W)."""
    channels = shape[-1]
    layers: list[nn.Module] = []
    for spec in FRONTS[front]:
        if isinstance(spec, Conv):
            layers.append(nn.Conv2d(channels, spec.filters, spec.kernel, spec.stride, spec.padding))
            layers.append(nn.ReLU())
            channels = spec.filters
        else:
            layers.append(nn.MaxPool2d(spec.size))
    layers.append(nn.Flatten())
    image = torch.zeros(1, shape[2], shape[0], shape[1])
    features = nn.Sequential(*layers)(image).shape[1]
    return nn.Sequential(*layers, *dense((features, *hidden, outputs)))


def compiled(function: Callable[..., Tensor], *example: Tensor) -> Callable[..., Tensor] | None:
    """torch.compile of it, once run there and back; None where that needs what is not here."""
    try:
        fast: Callable[..., Tensor] = torch.compile(function)
        fast(*example).backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # torch raises many kinds: no compiler, no headers, no support
        if "torch" not in type(error).__module__:
            raise
        return None
    return fast


def adam(net: nn.Module, lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(net.parameters(), lr, fused=True)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def classify_loss(net: nn.Module) -> Callable[..., Tensor]:
    return lambda x, labels: nn.functional.cross_entropy(net(x), labels)


def classify_step(
    net: nn.Module, x: Tensor, labels: Tensor, lr: float, loss: Callable[..., Tensor]
) -> Step:
    """One Adam step on a batch."""
    optimizer = adam(net, lr)

    def step() -> None:
        descend(optimizer, loss(x, labels))

    return step


def classify_epoch(
    net: nn.Module, x: Tensor, labels: Tensor, batch: int, lr: float, loss: Callable[..., Tensor]
) -> Step:
    """Every image once, in a new order."""
    optimizer = adam(net, lr)

    def epoch() -> None:
        for rows in torch.split(torch.randperm(len(x)), batch):
            descend(optimizer, loss(x[rows], labels[rows]))

    return epoch


def there_and_back(net: nn.Module, x: Tensor, dy: Tensor) -> Step:
    """Forward, and backward from a given ∂L/∂y."""

    def step() -> None:
        net.zero_grad()
        net(x).backward(dy)

    return step


class DQNStep:
    """Sample, target r + γ·max_a Q(s′, a; θ⁻), Huber, Adam, θ⁻ ← θ⁻ + τ(θ − θ⁻)."""

    def __init__(
        self, net: nn.Module, memory: Sequence[np.ndarray], batch: int,
        gamma: float, tau: float, lr: float,
    ) -> None:  # fmt: skip
        self.net, self.target_net = net, copy.deepcopy(net)
        self.optimizer = adam(net, lr)
        self.params: list[Tensor] = list(net.parameters())
        self.target_params: list[Tensor] = list(self.target_net.parameters())
        self.s, self.a, self.r, terminated, self.s_next = map(torch.as_tensor, memory)
        self.discount = gamma * (~terminated).float()
        self.batch, self.tau = batch, tau
        self.loss: Callable[..., Tensor] = self.huber

    def huber(self, s: Tensor, a: Tensor, r: Tensor, discount: Tensor, s_next: Tensor) -> Tensor:
        with torch.no_grad():
            y = r + discount * self.target_net(s_next).amax(1)
        q = self.net(s).gather(1, a[:, None])[:, 0]
        return nn.functional.smooth_l1_loss(q, y)

    def sample(self) -> tuple[Tensor, ...]:
        rows = torch.randint(len(self.s), (self.batch,))
        return self.s[rows], self.a[rows], self.r[rows], self.discount[rows], self.s_next[rows]

    def __call__(self) -> None:
        descend(self.optimizer, self.loss(*self.sample()))
        with torch.no_grad():
            torch._foreach_lerp_(self.target_params, self.params, self.tau)


class SACStep:
    """Sample, critics to r + γ(min Q̄(s′, a′) − α log π(a′|s′)), policy, α, θ̄ ← θ̄ + τ(θ − θ̄)."""

    def __init__(
        self, memory: Sequence[np.ndarray], hidden: Sequence[int], batch: int,
        gamma: float, tau: float, lr: float,
    ) -> None:  # fmt: skip
        self.s, self.a, self.r, terminated, self.s_next = map(torch.as_tensor, memory)
        self.discount = gamma * (~terminated).float()
        inputs, self.k = self.s.shape[1], self.a.shape[1]
        self.policy = dense((inputs, *hidden, 2 * self.k))
        self.critics = nn.ModuleList(dense((inputs + self.k, *hidden, 1)) for _ in range(2))
        self.target_critics = copy.deepcopy(self.critics)
        self.log_alpha = nn.Parameter(torch.zeros(1))
        self.optimizer, self.critic_optimizer = adam(self.policy, lr), adam(self.critics, lr)
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr, fused=True)
        self.params: list[Tensor] = list(self.critics.parameters())
        self.target_params: list[Tensor] = list(self.target_critics.parameters())
        self.batch, self.tau = batch, tau

    def draw(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """a = tanh u, u ~ N(μ, σ²), and log π(a|s)."""
        mean, log_std = self.policy(s).chunk(2, 1)
        normal = torch.distributions.Normal(mean, log_std.clamp(-20, 2).exp())
        u = normal.rsample()
        slope = 2 * (math.log(2) - u - nn.functional.softplus(-2 * u))  # log(1 − tanh² u)
        log_prob = normal.log_prob(u) - slope  # type: ignore[no-untyped-call]
        return u.tanh(), log_prob.sum(1)

    def both(self, critics: nn.ModuleList, s: Tensor, a: Tensor) -> Tensor:
        x = torch.cat((s, a), 1)
        return torch.cat([critic(x) for critic in critics], 1)

    def __call__(self) -> None:
        rows = torch.randint(len(self.s), (self.batch,))
        s, s_next, alpha = self.s[rows], self.s_next[rows], self.log_alpha.detach().exp()
        with torch.no_grad():
            a_next, log_prob = self.draw(s_next)
            smaller = self.both(self.target_critics, s_next, a_next).amin(1)
            y = self.r[rows] + self.discount[rows] * (smaller - alpha * log_prob)
        error = self.both(self.critics, s, self.a[rows]) - y[:, None]
        descend(self.critic_optimizer, 0.5 * (error * error).sum(1).mean())

        self.critics.requires_grad_(False)  # ∂Q/∂a alone
        a, log_prob = self.draw(s)
        q = self.both(self.critics, s, a).amin(1)
        descend(self.optimizer, (alpha * log_prob - q).mean())
        self.critics.requires_grad_(True)

        gap = log_prob.detach() - self.k  # the entropy wanted is −k
        descend(self.alpha_optimizer, -(self.log_alpha * gap).mean())
        with torch.no_grad():
            torch._foreach_lerp_(self.target_params, self.params, self.tau)
