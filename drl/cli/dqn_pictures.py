"""The images of a DQN run: heat maps, videos of episodes, the first layer's weights.

Few, since an image costs as much as thirty updates.  Heat maps at the start and at checks 1, 2, 4,
8, …, for most is learnt early.  Videos at the start and the end; that of the middle is made at the
end too, when it is known where the middle was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import numpy as np

from agents.dqn.agent import DQN
from agents.dqn.build import env_seed, unseen_stream
from agents.dqn.metrics import q_values
from agents.heatmap import PLANES, action_picture, states, value_picture
from drl.cli.job_log import doubled
from drl.cli.videos import video
from drl.errors import UserError
from drl.experiment.interrupt import Interrupted
from drl.images import red_and_blue
from drl.log import Logger
from drl.supervised.report import first_layer, weights_picture
from envs.drawing import NoPictures

KEPT = 8  # policies from which the middle one is chosen


class DQNPictures:
    """Writes them to `out`.  An image that cannot be made costs that image and a warning.

    at_once  around a video, which a signal ends
    warn     says what went wrong
    """

    def __init__(
        self, out: Logger, settings: dict[str, Any], agent: DQN,
        at_once: Callable[[], AbstractContextManager[None]], warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.out, self.settings, self.agent = out, settings, agent
        self.at_once, self.warn = at_once, warn
        self.plane = PLANES.get(settings["env"])
        self.kept: list[tuple[int, np.ndarray]] = []  # env steps, θ; evenly spread over the run
        self.every = 1  # checks between two of them
        self.checks = 0
        self.mapped = -1  # env steps of the last heat maps
        self.recorded = True  # as long as nothing has failed

    def start(self) -> None:
        self._maps(0)
        self._first_layer(0)
        if self.settings["eval_envs"] != 0:  # else only the training environments may be open
            self._film("1_start", 0)

    def check(self, env_steps: int) -> None:
        if doubled(env_steps // self.settings["eval_every"]):
            self._maps(env_steps)
        self.checks += 1
        if self.checks % self.every == 0:
            self.kept.append((env_steps, self.agent.ops.numpy(self.agent.net.params).copy()))
        if len(self.kept) > KEPT:
            self.kept, self.every = self.kept[1::2], 2 * self.every

    def end(self, env_steps: int) -> None:
        if env_steps != self.mapped:
            self._maps(env_steps)
        self._first_layer(env_steps)
        self._middle(env_steps)
        self._film("3_end", env_steps)

    def _maps(self, env_steps: int) -> None:
        if self.plane is None:
            return
        self.mapped = env_steps
        with self._spared("map of the policy", env_steps):
            q = q_values(self.agent, states(self.plane, self.agent.net.input_shape[0]))
            self.out.image("policy/value", value_picture(self.plane, q), env_steps)
            self.out.image("policy/greedy_action", action_picture(self.plane, q), env_steps)

    def _first_layer(self, env_steps: int) -> None:
        with self._spared("image of the first layer", env_steps):
            self.out.image("first_layer/weights", weights(self.agent), env_steps)

    def _middle(self, env_steps: int) -> None:
        """A video of the policy kept nearest to half of the run."""
        earlier = [(steps, params) for steps, params in self.kept if steps < env_steps]
        if not earlier:
            return
        steps, params = min(earlier, key=lambda kept: abs(kept[0] - env_steps / 2))
        net = self.agent.net
        last = self.agent.ops.numpy(net.params).copy()
        net.load(params)
        try:
            self._film("2_middle", steps)
        finally:
            net.load(last)

    def _film(self, when: str, env_steps: int) -> None:
        if not self.recorded:
            return
        seed = env_seed(unseen_stream(self.settings["seed"]))
        self.recorded = False  # unless it comes to its end
        with self._spared("video of an episode", env_steps), suppress(Interrupted):
            with self.at_once():
                shown = video(self.settings["env"], self.agent.greedy, seed)
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
            why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            text = f"no {what}: {' '.join(why.split())}"
            self.out.text("warnings", text, env_steps)
            if not isinstance(error, NoPictures | ImportError):
                self.warn(text)


def weights(agent: DQN) -> np.ndarray:
    """First-layer weights, red above 0, blue below: kernels of images as tiles; of numbers a row
    for each input, a column for each neuron."""
    filters = first_layer(agent.net)
    if len(agent.net.input_shape) == 3:
        return weights_picture(filters)
    pixels = red_and_blue(filters.T)  # few rows, many columns: each is drawn three times as high
    return pixels.repeat(36, axis=0).repeat(12, axis=1)
