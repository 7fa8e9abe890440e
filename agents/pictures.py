"""The images of a run: heat maps, videos of episodes, the first layer's weights.

Few, since an image costs as much as thirty updates.  Heat maps at the start and at evaluations 1,
2, 4, 8, …, for most is learnt early.  Videos at the start and the end; that of the middle is made
at the end too, when it is known where the middle was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from agents.boardmap import board_picture
from agents.heatmap import (
    action_picture,
    number_picture,
    plane_of,
    states,
    sure_picture,
    value_picture,
)
from agents.task import RLTask
from agents.video import MAX_STEPS, video
from drl.board import Board
from drl.errors import NoPictures, UserError
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.curves import doubled
from drl.experiment.interrupt import Interrupted
from drl.experiment.task import Evaluated
from drl.images import red_and_blue
from drl.nn import Network
from drl.raised import said
from drl.rng import unseen_seed
from drl.supervised.report import first_layer, weights_picture

MOST_ROWS = 2_000  # of pixels
KEPT = 8  # policies from which the middle one is chosen


class Pictures(Callback):
    """Writes them to the experiment's log.  An image that cannot be made costs that image and a
    warning, the first time."""

    def __init__(self, task: RLTask) -> None:
        self.task, self.config = task, task.config
        self.plane = plane_of(task.envs.id, task.envs.action_space)
        # env steps, the network as it was; evenly spread over the run
        self.kept: list[tuple[int, dict[str, Any]]] = []
        self.every = 1  # evaluations between two of them
        self.evaluations = 0
        self.mapped = -1  # env steps of the last heat maps
        self.recorded = True  # as long as nothing has failed
        self.said: set[str] = set()  # warnings

    def on_checkpoint(self, experiment: Experiment) -> None:
        """The start is drawn once it cannot be lost."""
        if experiment.step == 0 and self.mapped < 0:
            self.experiment = experiment
            self._maps(0)
            self._first_layer(0)
            if self.config.eval_envs != 0:  # else only the training environments may be open
                self._film("1_start", 0)

    def on_start(self, experiment: Experiment) -> None:
        """Of a process."""
        self.experiment, self.out = experiment, experiment.log

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> None:
        """Heat maps, and θ for a video of the middle."""
        env_steps = experiment.step
        if doubled(env_steps // self.config.eval_every):
            self._maps(env_steps)
        self.evaluations += 1
        if self.evaluations % self.every == 0:
            net = self.task.net
            self.kept.append((env_steps, net.saved()))
        if len(self.kept) > KEPT:
            self.kept, self.every = self.kept[1::2], 2 * self.every

    def on_end(self, experiment: Experiment, summary: dict[str, Any]) -> None:
        """What was learnt is safe by now."""
        if summary["interrupted"]:
            return
        env_steps = experiment.step
        if env_steps != self.mapped:
            self._maps(env_steps)
        self._first_layer(env_steps)
        self._middle(env_steps)
        self._film("3_end", env_steps)

    def _maps(self, env_steps: int) -> None:
        self.mapped = env_steps
        with self._spared("map of the policy on a board", env_steps):
            for board in getattr(self.task.envs, "boards", ()):
                self._board(board, env_steps)
        if self.plane is None:
            return
        with self._spared("map of the policy", env_steps):
            policy = self.task.agent.policy()
            seen = states(self.plane, policy.shape[0])
            player = policy.player(len(seen))  # each the first observation of an episode
            value, p, actions = player.value(seen), player.probs(seen), player.act(seen)
            if value is not None:
                self.out.image("policy/value", value_picture(self.plane, value), env_steps)
            space: Any = policy.action_space
            if self.plane.actions:
                image = action_picture(self.plane, actions - space.start)
                if p is not None:
                    self.out.image("policy/sure", sure_picture(self.plane, p), env_steps)
            else:
                low, high = float(space.low.min()), float(space.high.max())
                image = number_picture(self.plane, actions, low, high)
            self.out.image("policy/greedy_action", image, env_steps)

    def _board(self, board: Board, env_steps: int) -> None:
        policy = self.task.agent.policy()
        seen, _ = policy.batch(board.observations)
        player = policy.player(len(seen))  # each the first observation of an episode
        actions = player.act(seen) - policy.action_space.start
        image = board_picture(board, player.value(seen), actions)
        self.out.image(" ".join(["policy/board", board.name]).strip(), image, env_steps)

    def _first_layer(self, env_steps: int) -> None:
        with self._spared("image of the first layer", env_steps):
            self.out.image("first_layer/weights", weights(self.task.net), env_steps)

    def _middle(self, env_steps: int) -> None:
        """A video of the policy kept nearest to half of the run."""
        earlier = [(steps, saved) for steps, saved in self.kept if steps < env_steps]
        if not earlier:
            return
        steps, saved = min(earlier, key=lambda kept: abs(kept[0] - env_steps / 2))
        net = self.task.net
        last = net.saved()
        net.restore(saved)
        try:
            self._film("2_middle", steps)
        finally:
            net.restore(last)

    def _film(self, when: str, env_steps: int) -> None:
        if not self.recorded:
            return
        seed = unseen_seed(self.config.seed)
        self.recorded = False  # unless it comes to its end
        with self._spared("video of an episode", env_steps), suppress(Interrupted):
            with self.experiment.interrupt.at_once():
                most = min(MAX_STEPS, self.config.eval_max_steps)
                shown = video(self.task.factory, self.task.agent.policy(), seed, most)
            self.out.video(f"episode/{when}", shown.frames, shown.fps, env_steps)
            words = f"{when[2:]}: return {shown.total:g} in {shown.length} agent steps"
            self.out.text("episodes", words, env_steps)
            self.recorded = True

    @contextmanager
    def _spared(self, what: str, env_steps: int) -> Iterator[None]:
        """An image that cannot be made is left out, and said."""
        try:
            yield
        except Exception as error:
            why = " ".join(str(error).split()) if isinstance(error, UserError) else said(error)
            text = f"no {what}: {why}"
            if isinstance(error, NoPictures | ImportError):
                self.out.text("warnings", text, env_steps)
            elif text not in self.said:
                self.said.add(text)
                self.experiment.warn(text)


def weights(net: Network) -> np.ndarray:
    """First-layer weights, red above 0, blue below: kernels of images as tiles; of numbers a row
    for each input, a column for each neuron."""
    filters = first_layer(net)
    if filters.ndim == 3:
        return weights_picture(filters)
    inputs = filters.shape[1]
    if inputs > MOST_ROWS:
        raise NoPictures(f"{inputs:,} inputs are too many for a row each")
    pixels = red_and_blue(filters.T)  # few rows, many columns: each is drawn three times as high
    return pixels.repeat(max(1, min(36, MOST_ROWS // inputs)), axis=0).repeat(12, axis=1)
