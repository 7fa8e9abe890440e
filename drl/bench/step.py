"""One DQN gradient step: ours on both array libraries beside torch autograd with fused Adam.

All do the same: sample a batch uniformly from a memory, target r + γ·max_a Q(s′, a; θ⁻), Huber
loss, Adam, Polyak update of θ⁻ at every step; float32, one thread.  Ours as it is some seconds
into a training, with compiled loops where numba is there; beside it, numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig
from agents.dqn.parts import Parts
from drl.bench.autograd import DQNStep, compiled, dense
from drl.bench.filled import ACTIONS, INPUTS, build
from drl.bench.floor import backward_operations, fastest_product, forward_operations
from drl.bench.result import Bar, Result, Row
from drl.bench.timing import interleaved, median, one_thread, ratio
from drl.environment import Step
from drl.nn import Network
from drl.nn.init import uniform
from drl.nn.layers import Linear
from drl.nn.mlp import dense as dense_layers
from drl.nn.ops_compiled import load_loops
from drl.nn.ops_numpy import NumpyOps

# hidden, batch, how many times autograd's speed is asked for
NETS = [((64, 64), 64, 5.0), ((128, 128), 64, 4.0), ((128, 128), 128, 3.2), ((256, 256), 64, 2.4)]
NEAR_FLOOR = ((128, 128), 128, 1.8)  # hidden, batch, at most so many times the floor
STORED = 10_000  # transitions
GAMMA, TAU, LR = 0.99, 0.005, 1e-3


def measure(repeats: int = 15, seconds: float = 0.05, compiling: bool = True) -> Result:
    """Medians in µs, and the ratios autograd / ours."""
    product = fastest_product()
    rows: list[Row] = []
    bars = []
    missing = False
    for hidden, batch, wanted in NETS:
        auto = our_step(hidden, batch, "auto")
        numba = load_loops(auto.ops)
        contenders: dict[str, Callable[[], Any]] = {
            "autograd": autograd_step(hidden, batch),
            "ours": auto.learn,
            "numpy": our_step(hidden, batch, parts=Parts(net=partial(on_numpy, hidden))).learn,
            "torch": our_step(hidden, batch, "torch").learn,
            "product": product.call,
        }
        with one_thread():
            if compiling and (fast := compiled_step(hidden, batch)):
                contenders["compiled"] = fast
            times = interleaved(contenders, repeats, seconds)
        missing |= "compiled" not in times
        ours = times["ours"]
        work = 2 * forward_operations(auto.net, batch) + backward_operations(auto.net, batch)
        floor = [product.floor(work, t) for t in times["product"]]
        name = f"{'-'.join(map(str, (INPUTS, *hidden, ACTIONS)))}, {batch}"
        faster = ratio(times["autograd"], ours)
        us = {name: median(values) * 1e6 for name, values in times.items()}
        rows.append({
            "net, batch": name, "autograd": us["autograd"], "compiled": us.get("compiled"),
            "ours": us["ours"], "numpy alone": us["numpy"], "torch": us["torch"],
            "auto picks": auto.ops.name + " and numba" * numba,
            "floor": median(floor) * 1e6, "autograd / ours": faster,
            "compiled / ours": ratio(times["compiled"], ours) if "compiled" in times else None,
            "ours / floor": ratio(ours, floor),
        })  # fmt: skip
        bars.append(Bar(f"{name}: autograd / ours", faster, wanted))
        if (hidden, batch) == NEAR_FLOOR[:2]:
            near = Bar(f"{name}: ours / floor", ratio(ours, floor), NEAR_FLOOR[2], at_least=False)
    notes = ["torch.compile: not here (it needs a C++ compiler)"] if missing else []
    about = (
        "µs for one DQN step: sample, target, loss, gradient, Adam, target network.  autograd: "
        "torch with fused Adam; compiled: its loss through torch.compile; ours: what auto picks, "
        "some seconds into a training.  "
        f"Floor: {product.operations / median(times['product']) / 1e9:.0f} GFLOP/s."
    )
    if not numba:
        notes.append("numba: not here (the extra `fast`), so ours is numpy alone")
    return Result("step", about, rows, [*bars, near], notes)


def our_step(
    hidden: tuple[int, ...], batch: int, backend: str = "auto", parts: Parts | None = None
) -> DQN:
    """Our agent with a filled memory."""
    config = DQNConfig(
        hidden=hidden, batch_size=batch, bootstrap="max", gamma=GAMMA, tau=TAU, lr=LR,
        buffer_size=STORED,
    )  # fmt: skip
    agent = build(config, STORED, backend, parts)
    s, a, r, terminated, s_next = memory()
    agent.observe(s, a, Step(s_next, r, terminated, np.zeros(STORED, bool), s_next))
    return agent


def on_numpy(
    hidden: tuple[int, ...], shape: tuple[int, ...], outputs: int, /, *, seed: Any
) -> Network:
    """The same network with numpy's operations alone, without compiled loops."""
    layers = [*dense_layers(hidden), Linear(outputs, init=uniform)]
    return Network(layers, shape, NumpyOps(), seed)


def autograd_step(hidden: tuple[int, ...], batch: int) -> DQNStep:
    return DQNStep(dense((INPUTS, *hidden, ACTIONS)), memory(), batch, GAMMA, TAU, LR)


def compiled_step(hidden: tuple[int, ...], batch: int) -> DQNStep | None:
    """None where torch.compile does not work."""
    step = autograd_step(hidden, batch)
    fast = compiled(step.huber, *step.sample())
    if fast is None:
        return None
    step.loss = fast
    return step


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
