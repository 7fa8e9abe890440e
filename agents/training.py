"""The loop of interaction and learning.  It knows nothing of logging, checks or checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from agents.agent import Agent
from agents.dqn.agent import Update
from drl.environment import VectorEnv
from drl.errors import NotRepeated
from drl.state import fill, whole


class Progress(NamedTuple):
    """What has happened since the last one: one step of every environment."""

    env_steps: int
    updates: int
    returns: np.ndarray  # of the episodes that ended in this step
    lengths: np.ndarray
    learned: Update | None  # what the step's last update saw


class Training:
    """An agent in its environments: act, observe, learn.

    updates_per_step   gradient steps per env step, kept exactly in the long run
    learning_starts    env steps before the first of them
    """

    def __init__(
        self, agent: Agent, envs: VectorEnv, updates_per_step: float, learning_starts: int
    ) -> None:
        self.agent, self.envs = agent, envs
        self.updates_per_step, self.learning_starts = updates_per_step, learning_starts
        self.env_steps = 0
        self.obs: np.ndarray | None = None
        self.restarted = ""  # why there are new episodes
        self.before: dict[str, Any] | None = None  # of the environments, where they were left
        self.returns = np.zeros(envs.num_envs)
        self.lengths = np.zeros(envs.num_envs, np.int64)

    def updates_due(self) -> int:
        """How many updates there should have been by now."""
        return max(0, int((self.env_steps - self.learning_starts) * self.updates_per_step))

    def begin(self) -> None:
        """The first episodes, where none are under way; `run` does it too."""
        if self.before is not None:
            before, self.before = self.before, None
            try:
                self.envs.load_state(before)
            except NotRepeated as error:
                self._interrupted(str(error))
        if self.obs is None:
            self.obs, _ = self.envs.reset()

    @contextmanager
    def lent(self) -> Iterator[VectorEnv]:
        """The environments for somebody else's episodes; then new ones begin in all of them.

        The episodes that were under way are lost, their open n-step windows dropped.  Where the
        body fails, everything is as before it; where the environments cannot tell their state,
        their next episodes are new ones.
        """
        before = self.envs.state()
        try:
            yield self.envs
            obs, _ = self.envs.reset()
        except BaseException:
            if before is None:
                self._interrupted("its state could not be saved")
            self.before = before
            raise
        self._interrupted("lent", obs)

    def run(self, steps: int) -> Iterator[Progress]:
        """Go on until `steps` env steps in all; pauses after each step of all environments."""
        agent, envs = self.agent, self.envs
        self.begin()
        assert self.obs is not None
        while self.env_steps < steps:
            actions = agent.act(self.obs, self.env_steps)
            moved = envs.step(actions)
            if moved.invalid is None:
                agent.observe(
                    self.obs, actions, moved.reward, moved.terminated, moved.truncated,
                    moved.final_obs,
                )  # fmt: skip
            else:  # an environment failed: rather one step of all not remembered than a wrong one
                agent.interrupt_episodes()
            self.obs = moved.obs
            self.env_steps += envs.num_envs
            self.returns += moved.reward
            self.lengths += 1
            if moved.invalid is not None:
                self.returns[moved.invalid], self.lengths[moved.invalid] = 0, 0

            learned = None
            for _ in range(self.updates_due() - agent.updates):
                learned = agent.learn()

            ended = moved.terminated | moved.truncated
            returns, lengths = self.returns[ended], self.lengths[ended]
            if len(returns):
                self.returns[ended] = 0
                self.lengths[ended] = 0
            yield Progress(self.env_steps, agent.updates, returns, lengths, learned)

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on.

        `envs` is None where the environments cannot tell their state: see `load_state`.
        """
        envs = self.envs.state() if self.before is None else self.before
        return {
            "agent": self.agent.state(),
            "envs": None if self.obs is None else envs,
            "env_steps": self.env_steps,
            "obs": self.obs,
            "returns": self.returns.copy(),
            "lengths": self.lengths.copy(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there; where the environments could not tell their state, with new episodes.

        ValueError where the state is not one of this training.
        """
        self.agent.load_state(state["agent"])
        self.env_steps = whole(state, "env_steps")
        if self.agent.updates != self.updates_due():  # else they would all be made up for at once
            raise ValueError(
                f"updates should be {self.updates_due():,} after {self.env_steps:,} env steps, "
                f"found {self.agent.updates:,}"
            )
        if state["envs"] is None:
            self._interrupted("its state could not be saved")
            return
        obs = self.envs.reset()[0] if self.obs is None else self.obs
        fill(obs, state["obs"], "observations")
        self.obs = obs
        fill(self.returns, state["returns"], "returns")
        fill(self.lengths, state["lengths"], "lengths", low=0)
        try:
            self.envs.load_state(state["envs"])
        except NotRepeated as error:
            self._interrupted(str(error))

    def _interrupted(self, why: str, obs: np.ndarray | None = None) -> None:
        """The episodes under way are lost; new ones begin, or have begun with `obs`."""
        self.obs, self.restarted = obs, why
        self.returns[:], self.lengths[:] = 0, 0
        self.agent.interrupt_episodes()
