"""The network that a run has come to."""

from __future__ import annotations

from typing import Literal

from drl.errors import UserError
from drl.nn import MLP
from drl.runs import Run

Policy = Literal["best", "last"]


def load_network(run: Run, policy: Policy = "best") -> MLP:
    """A run's network: Q(s, ·) or the logits of the digits.

    policy  DQN: the best checked parameters, or those of the last checkpoint.  A digits run has
            no best of several (only the test images could choose it): always the last.

    UserError where there are none, or they are not those of config.json.
    """
    if run.job == "digits":
        from drl.cli.digits_job import DigitsJob

        return DigitsJob.of(run).training.net
    return _q_network(run, policy)


def _q_network(run: Run, policy: Policy) -> MLP:
    import envs
    from agents.build import build_network
    from drl.cli.train_dqn import Config

    config = Config.from_settings(run.config)
    world = envs.make(config.env, 1, seed=0)  # for its shapes alone
    world.close()
    state = run.load_best() if policy == "best" else run.load_latest()
    try:
        net = build_network(
            config.dqn, world.observation_shape, world.actions,
            backend=config.backend, dtype=config.dtype, device=config.device,
        )  # fmt: skip
        net.load(state["net"] if policy == "best" else state["training"]["agent"]["net"])
    except (ValueError, KeyError, TypeError, MemoryError) as error:
        raise UserError(
            f"the {policy} policy of {run.directory} does not fit its config.json ({error}): "
            "was one of them changed or exchanged?"
        ) from error
    return net
