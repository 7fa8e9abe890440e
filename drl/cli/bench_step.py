"""One DQN gradient step: ours on both array libraries beside torch autograd with fused Adam.

All do the same: sample a batch uniformly from a memory, target r + γ·max_a Q(s′, a; θ⁻), Huber
loss, Adam, Polyak update of θ⁻ at every step.  float32, one thread, repeats interleaved.  Beside
them the floor: the step's matrix products alone, at this core's measured rate.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.build import build_dqn
from agents.config import DQNConfig
from agents.dqn import DQN
from drl.cli.console import Console
from drl.nn.mlp import choose_backend

NETS = [((64, 64), 64), ((128, 128), 64), ((128, 128), 128), ((256, 256), 64)]  # hidden, batch
INPUTS, ACTIONS, STORED = 4, 2, 10_000
GAMMA, TAU, LR = 0.99, 0.005, 1e-3


def measure(repeats: int, updates: int, quiet: bool = False) -> dict[str, Any]:
    """Median microseconds per step of each contender, and the ratios autograd / ours."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    console = Console(quiet)
    console.print(
        f"{'net, batch':<20}{'autograd':>10}{'numpy':>9}{'torch':>9}{'floor':>9}"
        f"{'auto':>8}{'autograd / ours':>18}"
    )
    rows = []
    for hidden, batch in NETS:
        contenders = {
            "autograd": autograd_step(hidden, batch),
            "numpy": our_step(hidden, batch, "numpy").learn,
            "torch": our_step(hidden, batch, "torch").learn,
            "floor": products(hidden, batch),
        }
        times = interleaved(contenders, repeats, updates)
        auto = choose_backend((INPUTS,), ACTIONS, hidden, (), "cpu")
        ratio = statistics.median(
            a / b for a, b in zip(times["autograd"], times[auto], strict=True)
        )
        medians = {name: statistics.median(values) for name, values in times.items()}
        net = "-".join(map(str, (INPUTS, *hidden, ACTIONS)))
        rows.append({"net": net, "batch": batch, "us": medians, "auto": auto, "ratio": ratio})
        console.print(
            f"{f'{net}, {batch}':<20}{medians['autograd']:>10.0f}{medians['numpy']:>9.0f}"
            f"{medians['torch']:>9.0f}{medians['floor']:>9.0f}{auto:>8}{ratio:>18.2f}"
        )
    console.print("µs per step, medians; the ratio is the median over pairs of repeats")
    torch.set_num_threads(threads)
    return {"bench": "step", "rows": rows, "repeats": repeats, "updates": updates}


def interleaved(
    contenders: dict[str, Callable[[], Any]], repeats: int, calls: int
) -> dict[str, list[float]]:
    """Microseconds per call in each repeat; the contenders take turns, so that a change of the
    machine's speed meets all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for repeat in range(repeats + 1):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(calls):
                call()
            if repeat > 0:  # the first is the warm-up
                times[name].append((time.perf_counter() - start) / calls * 1e6)
    return times


def our_step(hidden: tuple[int, ...], batch: int, backend: str) -> DQN:
    """Our agent with a filled memory."""
    config = DQNConfig(
        hidden=hidden, batch=batch, bootstrap="max", gamma=GAMMA, tau=TAU, lr=LR, lr_end=LR,
        capacity=STORED, num_envs=STORED,
    )  # fmt: skip
    agent = build_dqn(config, (INPUTS,), np.float32, ACTIONS, seed=0, backend=backend)
    s, a, r, terminated, s_next = memory()
    agent.observe(s, a, r, terminated, np.zeros(STORED, bool), s_next)
    return agent


def autograd_step(hidden: tuple[int, ...], batch: int) -> Callable[[], None]:
    """The same step as one writes it with torch: nn.Linear, backward(), fused Adam."""
    import torch
    from torch import nn

    widths = (INPUTS, *hidden, ACTIONS)
    layers: list[nn.Module] = []
    for i, o in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(i, o), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    target_net = copy.deepcopy(net)
    optimizer = torch.optim.Adam(net.parameters(), LR, fused=True)
    params: list[torch.Tensor] = list(net.parameters())
    target_params: list[torch.Tensor] = list(target_net.parameters())
    s, a, r, terminated, s_next = map(torch.as_tensor, memory())
    discount = GAMMA * (~terminated).float()

    def step() -> None:
        rows = torch.randint(STORED, (batch,))
        with torch.no_grad():
            y = r[rows] + discount[rows] * target_net(s_next[rows]).amax(1)
        q = net(s[rows]).gather(1, a[rows][:, None])[:, 0]
        loss = nn.functional.smooth_l1_loss(q, y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(target_params, params, TAU)

    return step


def products(hidden: tuple[int, ...], batch: int) -> Callable[[], None]:
    """The floor: the matrix products of both forward passes and of the backward pass, no more."""
    rng = np.random.default_rng(0)
    widths = (INPUTS, *hidden, ACTIONS)
    x = [rng.normal(size=(batch, w)).astype(np.float32) for w in widths]
    W = [
        rng.normal(size=(i, o)).astype(np.float32)
        for i, o in zip(widths[:-1], widths[1:], strict=True)
    ]
    pairs = [(x[i], W[i]) for i in range(len(W))] * 2  # xW, online and target
    pairs += [(x[i].T, x[i + 1]) for i in range(len(W))]  # xᵀ dy
    pairs += [(x[i + 1], W[i].T) for i in range(1, len(W))]  # dy Wᵀ
    outs = [np.empty((a.shape[0], b.shape[1]), np.float32) for a, b in pairs]

    def run() -> None:
        for (a, b), out in zip(pairs, outs, strict=True):
            np.dot(a, b, out=out)

    return run


def memory() -> tuple[np.ndarray, ...]:
    """Transitions that look like CartPole's: s, a, r, terminated, s′."""
    rng = np.random.default_rng(0)
    s = rng.normal(size=(STORED, INPUTS)).astype(np.float32)
    return (
        s,
        rng.integers(ACTIONS, size=STORED),
        np.ones(STORED, np.float32),
        rng.random(STORED) < 0.05,
        s + rng.normal(size=s.shape).astype(np.float32) * 0.1,
    )
