"""The pictures of a DQN run: heat maps, films of episodes, the first layer's weights.

Few, since a picture costs as much as thirty updates.  Heat maps at the start and at checks 1, 2, 4,
8, …, for most is learnt early.  Films at the start and the end; that of the middle is made at the
end too, when it is known where the middle was.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.build import env_seed, unseen_stream
from agents.diagnostics import q_values
from agents.dqn import DQN
from drl.cli.films import Film, try_film
from drl.cli.heatmap import PLANES, action_picture, states, value_picture
from drl.cli.job_log import doubled
from drl.digits.report import first_layer, weights_picture
from drl.log import Logger
from drl.pictures import red_and_blue

KEPT = 8  # policies from which the middle one is chosen


class DQNPictures:
    """Writes them to `out`."""

    def __init__(self, out: Logger, settings: dict[str, Any], agent: DQN) -> None:
        self.out, self.settings, self.agent = out, settings, agent
        self.plane = PLANES.get(settings["env"])
        self.kept: list[tuple[int, np.ndarray]] = []  # env steps, θ; evenly spread over the run
        self.every = 1  # checks between two of them
        self.checks = 0
        self.mapped = -1  # env steps of the last heat maps
        self.filmed = True  # as long as nothing has failed

    def start(self) -> None:
        self._maps(0)
        self._first_layer(0)
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
        q = q_values(self.agent, states(self.plane, self.agent.net.input_shape[0]))
        self.out.image("policy/value", value_picture(self.plane, q), env_steps)
        self.out.image("policy/greedy_action", action_picture(self.plane, q), env_steps)

    def _first_layer(self, env_steps: int) -> None:
        self.out.image("first_layer/weights", weights(self.agent), env_steps)

    def _middle(self, env_steps: int) -> None:
        """A film of the policy kept nearest to half of the run."""
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
        if not self.filmed:
            return
        seed = env_seed(unseen_stream(self.settings["seed"]))
        shown = try_film(self.settings["env"], self.agent.greedy, seed)
        self.filmed = isinstance(shown, Film)
        if isinstance(shown, Film):
            self.out.film(f"episode/{when}", shown.frames, shown.fps, env_steps)
            words = f"{when[2:]}: return {shown.total:g} in {shown.length} agent steps"
            self.out.text("episodes", words, env_steps)
        else:
            self.out.text("warnings", f"no film of an episode: {shown}", env_steps)


def weights(agent: DQN) -> np.ndarray:
    """First-layer weights, red above 0, blue below: kernels of pictures as tiles; of numbers a row
    for each input, a column for each neuron."""
    filters = first_layer(agent.net)
    if len(agent.net.input_shape) == 3:
        return weights_picture(filters)
    pixels = red_and_blue(filters.T)  # few rows, many columns: each is drawn three times as high
    return pixels.repeat(36, axis=0).repeat(12, axis=1)
