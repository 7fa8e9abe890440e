"""One SAC gradient step: ours beside torch autograd with fused Adam.

All do the same: sample a batch uniformly from a memory with Pendulum's shapes, draw a′, fit both
critics to r + γ(min Q̄(s′, a′) − α log π(a′|s′)), lead the policy uphill, move α, Polyak's average
at every step; float32, one thread.  Ours as it is some seconds into a training, with compiled loops
where numba is there; beside it, numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from agents.sac.agent import ActorCritic
from agents.sac.config import SACConfig
from agents.sac.sac import build
from agents.setup import Setup
from drl.bench.autograd import SACStep
from drl.bench.floor import backward_operations, fastest_product, forward_operations
from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, one_thread, ratio
from drl.environment import Step
from drl.nn.ops_compiled import load_loops

# hidden, batch, how many times autograd's speed is asked for
NETS = [((64, 64), 100, 6.0), ((256, 256), 256, 1.6)]
STORED, INPUTS, ACTIONS = 10_000, 3, 1  # transitions; Pendulum's
GAMMA, TAU, LR = 0.99, 0.005, 1e-3


def measure(repeats: int = 15, seconds: float = 0.2) -> Result:
    """Medians in µs, and the ratios autograd / ours."""
    product = fastest_product()
    rows: list[Row] = []
    bars = []
    for hidden, batch, wanted in NETS:
        ours, plain = our_step(hidden, batch), our_step(hidden, batch)
        numba = load_loops(ours.ops)
        contenders: dict[str, Callable[[], Any]] = {
            "autograd": SACStep(memory(), hidden, batch, GAMMA, TAU, LR),
            "ours": ours.learn,
            "numpy": plain.learn,
            "product": product.call,
        }
        with one_thread():
            times = interleaved(contenders, repeats, seconds)
        floor = [product.floor(operations(ours, batch), t) for t in times["product"]]
        faster = ratio(times["autograd"], times["ours"])
        name = f"{'-'.join(map(str, hidden))}, {batch}"
        rows.append({
            "hidden, batch": name, "autograd": median(times["autograd"]) * 1e6,
            "ours": median(times["ours"]) * 1e6, "numpy alone": median(times["numpy"]) * 1e6,
            "floor": median(floor) * 1e6, "autograd / ours": faster,
            "autograd / numpy alone": ratio(times["autograd"], times["numpy"]),
            "ours / floor": ratio(times["ours"], floor),
        })  # fmt: skip
        bars.append(Bar(f"{name}: autograd / ours", faster, wanted))
    about = (
        "µs for one SAC step: sample, targets, critics, policy, temperature, target networks.  "
        "autograd: torch with fused Adam; ours: some seconds into a training."
    )
    notes = [] if numba else ["numba: not here (the extra `fast`), so ours is numpy alone"]
    return Result("sac", about, rows, bars, notes)


def our_step(hidden: tuple[int, ...], batch: int) -> ActorCritic:
    """Our agent with a filled memory, whose `learn` is the step."""
    config = SACConfig(
        hidden=hidden, batch_size=batch, gamma=GAMMA, tau=TAU, lr=LR, buffer_size=STORED
    )
    spaces = Box(-np.inf, np.inf, (INPUTS,), np.float32), Box(-1.0, 1.0, (ACTIONS,), np.float32)
    agent = build(config, Setup(*spaces, STORED, seed=0, backend="numpy"))
    s, a, r, terminated, s_next = memory()
    agent.chosen = a
    agent.observe(s, a, Step(s_next, r, terminated, np.zeros(STORED, bool), s_next))
    return agent


def operations(agent: ActorCritic, batch: int) -> int:
    """Multiplications and additions of the products of a step.

    The policy: at s′; at s, and back.  The critics: at (s′, a′); at (s, a), and back; where the
    policy leads, and back to their inputs alone, which costs a forward.
    """
    policy, critics = agent.net, agent.critic_net
    forward = 2 * forward_operations(policy, batch) + 4 * forward_operations(critics, batch)
    return forward + backward_operations(policy, batch) + backward_operations(critics, batch)


def memory() -> tuple[np.ndarray, ...]:
    """Transitions: s, a, r, terminated, s′."""
    rng = np.random.default_rng(0)
    s, s_next = rng.normal(size=(2, STORED, INPUTS)).astype(np.float32)
    a = rng.uniform(-1, 1, size=(STORED, ACTIONS)).astype(np.float32)
    r = rng.normal(size=STORED).astype(np.float32)
    return s, a, r, np.zeros(STORED, bool), s_next
