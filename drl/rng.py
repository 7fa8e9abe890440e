"""Named streams of random numbers from one seed: each part of a run draws from its own."""

from __future__ import annotations

import numpy as np

# what draws in a run; the order is for ever, new ones come last
STREAMS = (
    "weights", "exploration", "replay", "envs", "evaluations", "noise", "fractions", "policy",
    "minibatches", "goals",
)  # fmt: skip


def stream(seed: int, name: str) -> np.random.SeedSequence:
    """The stream of one part of the run with this seed, independent of all others."""
    return np.random.SeedSequence(seed, spawn_key=(STREAMS.index(name),))


def generator(seed: int, name: str) -> np.random.Generator:
    """A generator that draws from that stream."""
    return np.random.default_rng(stream(seed, name))


def env_seed(sequence: np.random.SeedSequence) -> int:
    """An integer seed for environments from a stream."""
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)  # fits a signed 64-bit integer


def training_seed(seed: int) -> int:
    """Of the environments that the run with this seed learns in."""
    return env_seed(stream(seed, "envs"))


def restart_seed(seed: int, env_steps: int) -> int:
    """Of environments that are restarted after so many env steps: other episodes than the run's
    first, and the same ones whenever the run is resumed from there."""
    return env_seed(_child(stream(seed, "envs"), env_steps))


def evaluation_seed(seed: int, number: int) -> int:
    """Of the environments of the run's evaluation `number`, whatever came before it."""
    return env_seed(_child(stream(seed, "evaluations"), number))


def unseen_seed(seed: int) -> int:
    """Of environments for scoring that no run leads to: its entropy is two words, a run's one."""
    return env_seed(np.random.SeedSequence([seed, 1]))


def _child(sequence: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    key = (*sequence.spawn_key, number)
    return np.random.SeedSequence(sequence.entropy, spawn_key=key)
