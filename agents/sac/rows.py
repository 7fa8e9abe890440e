"""What the agents of this folder offer alike, as agents.row asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from agents.memory.goals import left_alone
from agents.memory.ratio import updates_by
from agents.observations import scaled
from agents.parts import BuildNet, saved_nets
from agents.policy import setup_from
from agents.room import require_room_for_replay
from agents.sac.agent import ActorCritic
from agents.sac.build import Meaning, build_policy
from agents.sac.config import ActorCriticConfig
from agents.sac.networks import Chain, plain_chain
from agents.sac.policy import ContinuousPolicy
from agents.setup import Setup
from drl.settings import read

C = TypeVar("C", bound=ActorCriticConfig)
ACTIONS = ("Box",)
ADDED = {  # settings that older files lack, and what was done then
    "normalise_obs": False, "her": False, "her_k": 4, "her_strategy": "future",
}  # fmt: skip
REMEDY = "train anew with a lower `lr`, with `max_grad_norm`, or a smaller `reward_scale`"

FIXED = {  # what a run that goes on cannot change, and why
    name: why
    for names, why in (
        (
            "hidden activation conv init scale normalise_obs critics quantiles renorm_momentum "
            "renorm_warm_up",
            "the networks in the checkpoint are built by it",
        ),
        (
            "gamma n_step reward_scale buffer_size batch_size prioritized priority_alpha her",
            "the memory in the checkpoint is filled by it",
        ),
        ("learning_starts updates_per_step policy_delay", "the updates made are counted by it"),
        ("hold", "actions are held by it"),
        ("ent_coef ent_coef_start", "the temperature in the checkpoint is learnt, or not, by it"),
    )
    for name in names.split()
}


def require_room(agent: ActorCritic, config: Any) -> None:
    """MemoryError unless this machine has room for what fills as training goes on."""
    require_room_for_replay(agent.replay)


def resolve(config: C, setup: Setup) -> tuple[C, list[str]]:
    """The settings of a new run, complete, and a line on each thing that was left open.

    Done once in the life of a run, which keeps the numbers.
    """
    updates = max(1, updates_by(config, setup.steps))
    complete = replace(
        config, lr_steps=config.lr_steps or updates,
        priority_beta_steps=config.priority_beta_steps or updates,
    )  # fmt: skip
    complete, lines = scaled(complete, setup.observation_space)
    return complete, lines + left_alone(config.her, setup)


def reader(
    kind: type, meaning: Meaning, chain: Chain = plain_chain
) -> Callable[..., ContinuousPolicy]:
    """`load_policy` of an agent whose config is of class `kind`."""

    def load_policy(
        state: Mapping[str, Any], where: str, net: BuildNet | None = None,
        critic_net: BuildNet | None = None, backend: str = "auto", device: str = "cpu",
    ) -> ContinuousPolicy:  # fmt: skip
        config: Any = read(kind, state["policy"]["settings"], ADDED)
        nets, own = saved_nets(state["policy"], where, net, critic_net)
        setup = setup_from(state, backend, device)
        policy = build_policy(config, setup, meaning, chain=chain, nets=nets, own=own)
        policy.load_state(state)
        return policy

    return load_policy
