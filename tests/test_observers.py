"""What looks at an agent only reads: it learns the same, seen or not."""

import copy
from typing import Any

import numpy as np
import pytest
from made import dqn, step

from agents import DQNConfig

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rainbow": {
        "dueling": True, "noisy": True, "prioritized": True, "n_step": 3, "head": "c51",
    },
    "iqn": {"head": "iqn", "bootstrap": "munchausen", "noisy": True},
    "qr": {"head": "qr"},
}  # fmt: skip


def flat(state: Any) -> Any:
    """A state with its arrays as bytes, to be compared."""
    if isinstance(state, dict):
        return {name: flat(value) for name, value in state.items()}
    return state.tobytes() if isinstance(state, np.ndarray) else state


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("kind", KINDS)
def test_metrics_leave_the_agent_as_it_is(kind: str, library: str) -> None:
    config = DQNConfig(hidden=(8, 6), buffer_size=64, batch_size=8, target_period=2, **KINDS[kind])
    agent = dqn(config, (4,), actions=3, num_envs=16, backend=library)
    rng, no = np.random.default_rng(0), np.zeros(16, bool)
    for _ in range(4):
        s, s_next = rng.normal(size=(2, 16, 4)).astype(np.float32)
        agent.observe(s, rng.integers(3, size=16), step(rng.normal(size=16), no, no, s_next))
    agent.learn()
    unseen = copy.deepcopy(agent)
    for _ in range(3):
        update = agent.learn()
        before = flat(copy.deepcopy(agent.state()))
        seen = flat(update.metrics())
        assert flat(agent.state()) == before
        assert seen == flat(update.metrics())
        assert sum(name.startswith("train/update_ratio/") for name in seen) == len(agent.net.spans)
        unseen.learn()
        assert flat(unseen.state()) == before
