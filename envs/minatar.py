"""MinAtar: five Atari games on a 10×10 board.  Young & Tian 2019, arXiv:1903.03176.

The rules are the `minatar` package's own, game by game.  Of the package only the games are loaded:
its `Environment` also loads pyplot and seaborn, seconds for nothing, and adds to a game just the
sticky action, which is here.  The random draws come in the same order: the same seed, the same
game (tests/test_minatar.py).
"""

from __future__ import annotations

import colorsys
import copy
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drl.environment import NO_INFO, Info, Step
from drl.state import fill, load_mersenne, wholes

GAMES = {
    "Asterix": "asterix",
    "Breakout": "breakout",
    "Freeway": "freeway",
    "Seaquest": "seaquest",
    "SpaceInvaders": "space_invaders",
}
IDS = {f"MinAtar/{name}-v{v}": game for name, game in GAMES.items() for v in (0, 1)}
STICKY = 0.1  # probability that the last action is played once more: the package's default
CELL = 24  # pixels, in a video
SETTINGS = ("channels", "action_map", "ramping", "random")  # a game's attributes that never change


@dataclass
class MinAtar:
    """N games one after the other, each with its own seed.

    Observations (10, 10, C) bool, a channel per kind of thing.  Actions: -v1 those that do
    something in this game, -v0 all six (nothing, left, up, right, down, fire).  With probability
    0.1 a game plays the last action once more, also across an episode's end.  Games that grow
    harder with time do so, as the package has it (difficulty ramping on).

    Truncated after `time_limit` frames: the paper has no such clock, but a greedy agent may play
    for ever.  Freeway's end after 2,500 frames is the game's own: terminated.
    """

    id: str = "MinAtar/Breakout-v1"
    num_envs: int = 1
    seed: int = 0
    time_limit: int = 10_000  # frames; one per agent step
    frame_stack: int = 1
    fps: float = 10.0
    on_end: Callable[[], None] | None = None  # told before environment 0 begins anew
    reward_range: tuple[float, float] | None = None  # the rules bound it loosely at best
    restarts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from gymnasium.spaces import Box, Discrete

        game = _game(IDS[self.id])
        self.games = [game() for _ in range(self.num_envs)]
        seeds = np.random.SeedSequence(self.seed).generate_state(self.num_envs)
        for game, seed in zip(self.games, seeds, strict=True):
            game.random = np.random.RandomState(seed)
        first = self.games[0]
        minimal = self.id.endswith("-v1")
        self.moves = first.minimal_action_set() if minimal else [*range(len(first.action_map))]
        self.action_space: Any = Discrete(len(self.moves))
        self.observation_space: Any = Box(0, 1, tuple(first.state_shape()), np.bool_)
        self.last = [0] * self.num_envs  # the package's number of the move played last
        self.elapsed = np.zeros(self.num_envs, np.int64)

    def prepare(self) -> None:
        """Nothing needs to be found out: the state can be read."""

    def reset(self) -> tuple[np.ndarray, Info]:
        for game in self.games:
            game.reset()
        self.elapsed[:] = 0
        return np.stack([game.state() for game in self.games]), NO_INFO

    def step(self, actions: np.ndarray) -> Step:
        obs = np.empty((self.num_envs, *self.observation_space.shape), np.bool_)
        reward, terminated = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        for i, (game, action) in enumerate(zip(self.games, actions.tolist(), strict=True)):
            if game.random.rand() >= STICKY:
                self.last[i] = self.moves[action]
            reward[i], terminated[i] = game.act(self.last[i])
            obs[i] = game.state()
        self.elapsed += 1
        truncated = self.elapsed >= self.time_limit
        ended = terminated | truncated
        if not ended.any():
            return Step(obs, reward, terminated, truncated, obs)
        final_obs = obs.copy()
        if self.on_end is not None and ended[0]:
            self.on_end()
        for i in np.flatnonzero(ended).tolist():
            self.games[i].reset()
            obs[i] = self.games[i].state()
        self.elapsed[ended] = 0
        return Step(obs, reward, terminated, truncated, final_obs)

    def state(self) -> dict[str, Any] | None:
        return {
            "id": self.id,
            "elapsed": self.elapsed.copy(),
            "last": list(self.last),
            "games": {
                str(i): {
                    "game": {name: _plain(getattr(game, name)) for name in _varying(game)},
                    "rng": game.random.get_state(legacy=False),
                }
                for i, game in enumerate(self.games)
            },
        }

    def load_state(self, state: dict[str, Any]) -> None:
        if state["id"] != self.id:
            raise ValueError(f"the state is of {state['id']}, not of {self.id}")
        fill(
            self.elapsed, state["elapsed"], f"{self.id} elapsed", low=0
        )  # also checks how many environments
        self.last = wholes(state, "last", self.num_envs, high=len(self.games[0].action_map) - 1)
        for i, game in enumerate(self.games):
            saved = state["games"][str(i)]
            load_mersenne(game.random.set_state, saved["rng"])
            if saved["game"].keys() != _varying(game):
                raise ValueError(f"{self.id} was saved by another version of the game")
            for name, value in saved["game"].items():
                if type(value) is not type(_plain(getattr(game, name))):
                    raise ValueError(f"{self.id}: {name} cannot be {value!r:.40}")
                setattr(game, name, copy.deepcopy(value))
            self._require_playable(game)

    def _require_playable(self, game: Any) -> None:
        """ValueError where no step can be made from the state that was put into a game."""
        tried = copy.deepcopy(game)
        try:
            for move in self.moves:
                tried.act(move)
                tried.state()
        except Exception as error:
            raise ValueError(
                f"{self.id}: a game cannot go on from its state ({type(error).__name__}: {error})"
            ) from error

    def render(self) -> np.ndarray:
        """A square per cell, a hue per channel; of things in one cell the first channel's."""
        board = self.games[0].state()
        channels = board.shape[-1]
        hues = np.array(
            [colorsys.hsv_to_rgb(c / channels, 0.7, 1.0) for c in range(channels)]
        )  # (C, 3)
        shown = np.where(board.any(axis=-1), board.argmax(axis=-1), -1)
        image = (np.vstack([hues, np.zeros(3)])[shown] * 255).astype(np.uint8)
        return np.kron(image, np.ones((CELL, CELL, 1), np.uint8))

    def close(self) -> None:
        pass


def _game(name: str) -> Any:
    """The class of one game, from the package's file: see above why not by its name."""
    package = importlib.util.find_spec("minatar")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'minatar'")
    path = Path(package.origin).with_name("environments") / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # a .py file always has a loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Env


def _varying(game: Any) -> set[str]:
    return set(vars(game)).difference(SETTINGS)


def _plain(value: Any) -> Any:
    """Copies, with NumPy's numbers as Python's: what JSON gives back as it was."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    return value.item() if isinstance(value, np.generic) else value
