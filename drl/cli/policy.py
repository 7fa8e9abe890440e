"""What a run has come to: its network, and the policy that it makes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from drl.errors import UserError
from drl.nn import Network
from drl.runs import Run

if TYPE_CHECKING:
    from agents.evaluation import Policy as Actor
    from agents.heads import Head

Policy = Literal["best", "last"]


def load_network(run: Run, policy: Policy = "best") -> Network:
    """A run's network as a plain chain of layers: Q(s, ·), or the logits of the digits.

    policy  DQN: the best checked parameters, or those of the last checkpoint.  A digits run has
            no best of several (only the test images could choose it): always the last.

    UserError where there are none, or they are not those of config.json, or no plain chain gives
    their Q.
    """
    if run.job == "digits":
        from drl.cli.digits_job import DigitsJob

        return DigitsJob.of(run).training.net
    from agents.plain import plain

    head, net = _q_network(run, policy)
    try:
        return plain(head, net)
    except ValueError:
        raise UserError(
            f"{run.directory} learnt with --head {run.config['head']}, whose outputs are a "
            "distribution; networks of --head mean and qr can be exported"
        ) from None


def load_policy(run: Run, policy: Policy = "best") -> Actor:
    """A DQN run's greedy policy: observations (N, *shape) → actions (N,).   Errors as above."""
    from agents.heads import greedy

    return partial(greedy, *_q_network(run, policy))


def _q_network(run: Run, policy: Policy) -> tuple[Head, Network]:
    import envs
    from agents.networks import build_head, build_network
    from drl.cli.train_dqn import Config

    config = Config.from_settings(run.config)
    world = envs.make(config.env, 1, seed=0)  # for its shapes alone
    world.close()
    state: Any = run.load_best() if policy == "best" else run.load_latest()
    try:
        net = build_network(
            config.dqn, world.observation_shape, world.observation_dtype, world.actions,
            backend=config.backend, dtype=config.dtype, device=config.device,
        )  # fmt: skip
        net.load(state["net"] if policy == "best" else state["training"]["agent"]["net"])
    except (ValueError, KeyError, TypeError, MemoryError) as error:
        raise UserError(
            f"the {policy} policy of {run.directory} does not fit its config.json ({error}): "
            "was one of them changed or exchanged?"
        ) from error
    return build_head(config.dqn, net.ops, world.actions, np.random.default_rng(0)), net
