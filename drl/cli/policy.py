"""What a run has come to: its network, and the policy that it makes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from agents.dqn.deterministic import deterministic_network
from agents.dqn.heads import greedy
from agents.observations import sizes
from agents.policy import GreedyPolicy, policy_of
from drl.closing import close
from drl.errors import UserError
from drl.experiment.run import Run
from drl.nn import Network
from drl.state import fitting

Policy = Literal["best", "last"]


def load_network(run: Run, policy: Policy = "best") -> Network:
    """A run's network as a plain chain of layers: Q(s, ·), or the logits of the digits, of what the
    env or the data set's files hold.

    policy  DQN: the best checked parameters, or those of the last checkpoint.  A digits run has
            no best of several (only the test images could choose it): always the last.

    UserError where there are none, or they are not those of config.json, or no plain chain gives
    their Q.
    """
    if run.job == "digits":
        from drl.cli.digits_job import DigitsJob
        from drl.supervised.training import of_bytes

        job = DigitsJob.of(run)
        return of_bytes(job.training.net, job.data.white)
    found = _greedy_policy(run, policy)
    try:
        return deterministic_network(found.head, found.net)
    except ValueError:
        raise UserError(
            f"{run.directory} learnt with --head {run.config['head']}, whose outputs are a "
            "distribution; networks of --head mean and qr can be exported"
        ) from None


class Actor:
    """A DQN run's greedy policy: observations (N, *shape) → actions (N,), those of its env."""

    def __init__(self, run: Run, policy: GreedyPolicy) -> None:
        self.directory, self.policy = run.directory, policy
        self.first_action = policy.first_action

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        return greedy(self.policy.head, self.policy.net, obs) + self.first_action

    def checked(self, env: Any) -> Any:
        """The same env, for whose actions the policy's stand (older files do not tell their first).

        UserError where it is another than the one that was learnt.
        """
        mine = (self.policy.shape, self.policy.observation_dtype, self.policy.actions)
        *its, first_action = sizes(env)
        if mine != tuple(its):
            close(env)
            raise UserError(
                f"{self.directory} learnt {_words(*mine)}, {env.id} has {_words(*its)}: has one of "
                "them changed since?"
            )
        self.first_action = first_action
        return env


def load_policy(run: Run, policy: Policy = "best") -> Actor:
    """Its greedy policy.   Errors as above."""
    return Actor(run, _greedy_policy(run, policy))


def _greedy_policy(run: Run, policy: Policy) -> GreedyPolicy:
    """Without its environment, whose module is somebody's code."""
    from drl.cli.train_dqn import Config

    config = Config.from_settings(run.config)
    where = f"the {policy} policy of {run.directory}"
    state: Any = run.load_best() if policy == "best" else run.load_latest()
    with fitting(where, "its config.json"):
        params = state["net"] if policy == "best" else state["training"]["agent"]["net"]
        described = state if "policy" in state else run.load_best()  # an older checkpoint
        about = described["policy"] | {"settings": run.config}
        if params.dtype != config.dtype:
            raise ValueError(f"its parameters are of {params.dtype}, not of {config.dtype}")
        return policy_of(
            {"policy": about, "net": params}, where, None, config.backend, config.device
        )


def _words(shape: tuple[int, ...], dtype: Any, actions: int) -> str:
    return f"{actions} actions and {dtype} observations {shape}"
