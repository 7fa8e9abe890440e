"""An agent in its environments: the one loop of interaction and learning."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from agents.agent import Agent
from agents.config import ExperimentConfig
from agents.episodes import Episodes
from agents.evaluation import Evaluation, Watch, evaluate, evaluate_fresh
from agents.evaluations import Evaluations
from agents.player import Policy
from agents.reporter import RLReporter
from agents.taken import ActionsTaken
from drl.action_space import allows
from drl.closing import close
from drl.environment import NO_INFO, EnvFactory, Info, VectorEnv
from drl.errors import EnvFailed, NotRepeated
from drl.experiment.callbacks import Callback
from drl.experiment.curves import due
from drl.experiment.task import AtOnce, Evaluated, Progress
from drl.state import fill, whole


class RLTask:
    """Act, step, observe; while it is due, learn; pause.

    agent         what learns
    envs          N environments side by side, which it learns in
    factory       makes more of them, for evaluations
    config        budget and evaluation
    job           the agent's name in the table of agents
    restarted_by  makes the training environments anew, after so many env steps, where a resumed
                  run cannot have its episodes back
    callbacks     the agent's own: what only it can warn of
    charts        which of its curves belong into one chart
    remedy        what to try where it diverges
    """

    unit = "env steps"

    def __init__(
        self, agent: Agent, envs: VectorEnv, factory: EnvFactory, config: ExperimentConfig,
        job: str = "agent", restarted_by: Callable[[int], VectorEnv] | None = None,
        callbacks: Callable[[RLTask, bool], Sequence[Callback]] = lambda task, full: (),
        charts: Any = None, remedy: str = "try other settings",
    ) -> None:  # fmt: skip
        self.agent, self.envs, self.factory, self.config = agent, envs, factory, config
        self.job, self.title, self.charts, self.remedy = job, envs.id, charts or {}, remedy
        self.restarted_by, self.callbacks = restarted_by, callbacks
        self.net = agent.net
        self.evaluations = Evaluations(config)
        self.step = 0  # env steps
        self.obs: np.ndarray | None = None  # (N, *shape); None: no episode is under way
        self.mask: np.ndarray | None = None  # (N, A), the actions that obs allows; None: all
        self.restarted = ""  # why there are new episodes
        self.anew = False  # whether a resumed run has new ones, which has to be said
        self.before: dict[str, Any] | None = None  # of the environments, where they were left
        self.episodes = Episodes(envs.num_envs)
        self.taken = ActionsTaken(envs.action_space, envs.num_envs)
        self.earlier_restarts = 0  # environments that failed, in earlier processes
        self.collapsed = False  # as the callback that looks for it has found
        self.closed = False
        self.reporter = RLReporter(self)

    # -- the loop -----------------------------------------------------------------------------
    def begin(self) -> Iterator[str]:
        """The first episodes, where none are under way."""
        if self.anew:
            self.anew = False
            yield f"{self.envs.id}: {self.restarted}; its episodes begin anew, from other seeds"
        if self.before is not None:
            before, self.before = self.before, None
            try:
                self.envs.load_state(before)
            except NotRepeated as error:
                self._interrupted(str(error))
        if self.obs is None:
            self.obs, info = self.envs.reset()
            self.mask = info.get("action_mask")

    def run(self, until: int) -> Iterator[Progress]:
        """Go on until `until` env steps in all; pauses after each step of all environments."""
        agent, envs = self.agent, self.envs
        deque(self.begin(), maxlen=0)
        assert self.obs is not None
        while self.step < until:
            action = agent.act(self.obs, self.step, self.mask)
            step = envs.step(action)
            if step.invalid is None:
                agent.observe(self.obs, action, step)
            else:  # an environment failed: rather one step of all not remembered than a wrong one
                agent.interrupt_episodes(step.invalid)
            self.obs, self.mask = step.obs, step.mask
            self.step += envs.num_envs
            ended = self.episodes.add(step)
            self.taken.add(action)

            update = None
            while agent.due(self.step):
                update = agent.learn()
            yield Progress(self.step, update, ended)

    @contextmanager
    def lent(self) -> Iterator[VectorEnv]:
        """The environments for somebody else's episodes; then new ones begin in all of them.

        The episodes that were under way are lost, what is open of them is dropped.  Where the body
        fails, everything is as before it; where the environments cannot tell their state, their
        next episodes are new ones.
        """
        before = self.envs.state()
        try:
            yield self.envs
            obs, info = self.envs.reset()
        except BaseException:
            if before is None:
                self._interrupted("its state could not be saved")
            self.before = before
            raise
        self._interrupted("lent", obs, info)

    def _interrupted(
        self, why: str, obs: np.ndarray | None = None, info: Info = NO_INFO
    ) -> None:  # fmt: skip
        """The episodes under way are lost; new ones begin, or have begun with `obs`."""
        self.obs, self.restarted = obs, why
        self.mask = info.get("action_mask")
        self.episodes.interrupt()
        self.agent.interrupt_episodes()

    def _made_anew(self) -> None:
        """Environments that cannot have their episodes back: not the run's first ones again."""
        if self.restarted_by is not None:
            close(self.envs)
            self.earlier_restarts += len(self.envs.restarts)
            self.envs = self.restarted_by(self.step)

    # -- evaluation ---------------------------------------------------------------------------
    def evaluation_due(self) -> bool:
        """By env steps."""
        return self.evaluations.due(self.step)

    def evaluate(self, at_once: AtOnce = nullcontext, full: bool = False) -> Evaluated:
        """Greedy episodes: where `config.eval_envs` says 0 in the training environments, else in
        environments of their own.   full: with the value function held against what is realised.

        EnvFailed where the factory gives the training environments themselves.
        """
        every = self.config.eval_every
        snapshot = due(self.step // every, self.config.steps // every)
        probe = self.agent.probe() if full and snapshot else None
        play = partial(self._played, self.agent.policy(), at_once, probe)
        result, better = self.evaluations.evaluate(play)
        metrics = {
            "eval/mean_reward": result.mean,
            "eval/min_reward": float(result.returns.min()),
            "eval/max_reward": float(result.returns.max()),
            "eval/std_reward": float(result.returns.std()),
            "eval/mean_ep_length": float(result.lengths.mean()),
        }
        if (rate := result.success_rate) is not None:
            metrics["eval/success_rate"] = rate
        if probe is not None:
            metrics |= probe.metrics()
        return Evaluated(metrics, result.mean, better, self.evaluations.solved, snapshot, result)

    def _played(
        self, policy: Policy, at_once: AtOnce, probe: Watch | None, episodes: int, seed: int
    ) -> Evaluation:
        config = self.config
        if config.eval_envs == 0:
            with self.lent() as lent, at_once():
                return evaluate(policy, lent, episodes, config.eval_max_steps, probe)
        with at_once():
            return evaluate_fresh(
                policy, self.factory, episodes, seed, config.eval_envs, config.eval_max_steps,
                probe, self._counted,
            )  # fmt: skip

    def _counted(self, envs: VectorEnv) -> VectorEnv:
        """What fails in an evaluation counts with the training's restarts."""
        if envs is self.envs:
            raise EnvFailed(
                f"{envs.id} is made once and given again and again: give a function that makes "
                "new environments, or `eval_envs=0` to evaluate in those of the training"
            )
        envs.restarts = self.envs.restarts
        return envs

    @property
    def goal(self) -> int:
        """Env steps of the whole training."""
        return self.agent.whole_steps(self.config.steps)

    def finished(self, until: int) -> bool:
        """Whether it is solved, or all steps are made and scored."""
        made = self.step >= until and self.evaluations.played > 0 and not self.evaluation_due()
        return self.evaluations.solved or made

    def reopen(self) -> None:
        """Go on though it is solved."""
        self.evaluations.solved = False

    def observers(self, full: bool) -> Sequence[Callback]:
        """Warnings of its own, and the agent's; where `full` images too."""
        return self.callbacks(self, full)

    @property
    def env_restarts(self) -> int:
        """Environments that failed, in earlier processes too."""
        return self.earlier_restarts + len(self.envs.restarts)

    # -- state --------------------------------------------------------------------------------
    def model(self) -> dict[str, Any]:
        """The policy as it is, and what it is worth."""
        best = self.evaluations.best
        return self.agent.policy().state() | {"mean_reward": best, "env_steps": self.step}

    def state(self) -> dict[str, Any]:
        """`envs` is None where the environments cannot tell their state: see `load_state`."""
        envs = self.envs.state() if self.before is None else self.before
        return {
            "agent": self.agent.state(),
            "envs": None if self.obs is None else envs,
            "env_steps": self.step,
            "obs": self.obs,
            "mask": self.mask,
            "evaluations": self.evaluations.state(),
            "env_restarts": self.env_restarts,
            "actions": self.taken.state(),
            **self.episodes.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there; where the environments could not tell their state, with new episodes.

        ValueError where the state is not one of this training.
        """
        self.agent.load_state(state["agent"])
        self.step = whole(state, "env_steps")
        if self.agent.due(self.step):  # else they would all be made up for at once
            raise ValueError(
                f"{self.agent.updates:,} updates are too few after {self.step:,} env steps"
            )
        self.evaluations.load_state(state["evaluations"], self.step)
        self.episodes.load_state(state)
        self.taken.load_state(state["actions"])
        self.earlier_restarts = whole(state, "env_restarts")
        if state["envs"] is None:
            self._interrupted("its state could not be saved")
        else:
            self._load_envs(state)
        if self.obs is None and self.step:
            self.anew = True
            self._made_anew()

    def _load_envs(self, state: dict[str, Any]) -> None:
        """The episodes that were under way."""
        obs, mask = self.obs, self.mask
        if obs is None:
            obs, info = self.envs.reset()
            mask = info.get("action_mask")
        fill(obs, state["obs"], "observations")
        if (mask is None) != (state["mask"] is None):
            raise ValueError("action masks are on one side only")
        if mask is not None:
            fill(mask, state["mask"], "action masks")
            if not allows(mask, self.envs.action_space).all():
                raise ValueError("an action mask allows nothing")
        self.obs, self.mask = obs, mask
        try:
            self.envs.load_state(state["envs"])
        except NotRepeated as error:
            self._interrupted(str(error))

    def close(self) -> None:
        """The training environments."""
        if not self.closed:
            self.closed = True
            close(self.envs)
