"""A policy that can be kept: a Q-network and what its outputs mean, without the learner."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig, from_settings
from agents.dqn.heads import greedy
from agents.dqn.networks import BuildNet, build_head, build_network, own_network
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.state import UNFIT, flag, whole


class GreedyPolicy:
    """π(s) = argmax_a Q(s, a; θ): observations (N, *shape) → actions (N,), int64, the environment's
    own: first_action … first_action + actions − 1.

    shape, observation_dtype  of one observation, as the environments deliver it
    net                       builds the network, where it is not the settings' (`Parts.net`)

    ValueError where the settings do not fit the observations.
    """

    def __init__(
        self, config: DQNConfig, shape: tuple[int, ...], observation_dtype: Any, actions: int,
        net: BuildNet | None = None, dtype: str = "float32", backend: str = "auto",
        device: str = "cpu", first_action: int = 0,
    ) -> None:  # fmt: skip
        self.config, self.shape, self.actions = config, shape, actions
        self.first_action = first_action
        self.observation_dtype, self.own_net = np.dtype(observation_dtype), net is not None
        if net is None:
            self.net = build_network(
                config, shape, observation_dtype, actions, 0, backend, dtype, device
            )
        else:
            self.net = own_network(net, config, shape, actions, 0)
        self.head = build_head(config, self.net.ops, actions, np.random.default_rng(0))

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """(N, *shape) → actions (N,).   ValueError on another shape, and on NaN or Inf."""
        return greedy(self.head, self.net, finite(obs)) + self.first_action

    def q(self, obs: np.ndarray) -> np.ndarray:
        """Q(s, ·; θ): (N, *shape) → (N, actions), in scaled rewards.   ValueError as above."""
        self.net.resample(None)
        return self.net.ops.numpy(self.head.mean(self.head.outputs(self.net, finite(obs))))

    def copy_from(self, agent: DQN) -> None:
        """θ of the agent, as it is now."""
        self.net.load(agent.ops.numpy(agent.net.params).copy())

    def save(self, path: str | Path) -> None:
        """One safetensors file, written whole or not at all; no pickle.   OSError."""
        checkpoint.save(Path(path), self.state())

    def state(self) -> dict[str, Any]:
        """θ, and what the network is built from."""
        about = describe(
            self.config,
            self.shape,
            self.observation_dtype,
            self.actions,
            self.own_net,
            self.first_action,
        )
        return {"policy": about, "net": self.net.ops.numpy(self.net.params).copy()}


def finite(obs: np.ndarray) -> np.ndarray:
    """The observations.   UserError where one holds NaN or Inf: no action would be the best."""
    if np.asarray(obs).dtype.kind == "f" and not np.isfinite(obs).all():
        wrong = ~np.isfinite(obs).reshape(len(obs), -1).all(axis=1)
        raise UserError(
            f"observation {int(wrong.argmax())} holds NaN or Inf, a policy takes finite numbers: "
            "mend what it comes from"
        )
    return obs


def describe(
    config: DQNConfig, shape: tuple[int, ...], observation_dtype: Any, actions: int,
    own_net: bool = False, first_action: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """All but θ that a policy is built from, for a checkpoint."""
    return {
        "settings": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(config).items()
        },
        "shape": list(shape),
        "observation_dtype": np.dtype(observation_dtype).name,
        "actions": actions,
        "first_action": first_action,
        "own_net": own_net,
    }


def load_policy(path: str | Path, net: BuildNet | None = None) -> GreedyPolicy:
    """What `GreedyPolicy.save` wrote, or a run's checkpoints/best.safetensors.

    net  builds the network, where the policy was trained with one of your own (`Parts.net`)

    UserError where there is no such file, it is damaged, no policy, or of another network.
    """
    state = checkpoint.load(Path(path))
    try:
        return policy_of(state, str(path), net)
    except UserError:
        raise
    except UNFIT as error:
        raise UserError(f"{path} holds no policy that fits ({error})") from error


def policy_of(
    state: dict[str, Any], where: str, net: BuildNet | None = None, backend: str = "auto",
    device: str = "cpu",
) -> GreedyPolicy:  # fmt: skip
    """From what `GreedyPolicy.state` gave, read from `where`.   An error of UNFIT if it does not
    fit."""
    about = state["policy"]
    own = flag(about, "own_net")
    if own and net is None:
        raise UserError(f"{where} was trained with a network of your own: give it as net=")
    policy = GreedyPolicy(
        from_settings(about["settings"]), tuple(about["shape"]), about["observation_dtype"],
        whole(about, "actions", low=1), net if own else None, state["net"].dtype.name,
        backend, device, whole(about, "first_action", -(2**31)) if "first_action" in about else 0,
    )  # fmt: skip
    policy.net.load(state["net"])
    return policy
