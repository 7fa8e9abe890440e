"""Atari 2600 games through the Arcade Learning Environment, seen as a DQN sees them.

    image = resize(max(frame₃, frame₄)) in grey, of the 4 frames that an action is held for
    observation = the last 4 images

Mnih et al. 2015, Methods ("Preprocessing"); the protocol is Machado et al. 2018, section 5 (JAIR
61): sticky actions, a game ends where it is over and not where a life is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from drl.environment import NO_INFO, Info, Step
from drl.state import fill, wholes
from envs.area import shrunk_by_area

SKIP = 4  # frames per agent step
STICKY = 0.25  # probability per frame that the last action is played once more
SIDE = 84  # pixels
PIXEL = np.dtype("<u4")  # the 4 bytes of a pixel's history as one number, oldest byte lowest
NEEDS_TWO = {"combat", "joust", "maze_craze", "warlords"}  # games for two players only


@dataclass
class Atari:
    """N games one after the other, each with its own seed.

    Observations (84, 84, 4) uint8, grey, the newest image last; at an episode's start the first
    image four times.  Each pixel is the mean of what it covers of the frame (210 × 160 in most
    games), as in Gymnasium's AtariPreprocessing.  Actions: those that do something in this game.
    Rewards are the game's score, unclipped.  Departures from papers: docs/deviations.md.

    Sticky actions are the only chance: no random no-ops at the start, which they replace.
    Truncated after `max_frames` frames (30 minutes of play, 27,000 agent steps).

    Stickiness is drawn here, not in the ALE, with the same rule: the ALE leaves the last action
    out of its saved states (StellaEnvironment::m_actions), so that a game would not go on exactly.
    """

    id: str = "ALE/Breakout-v5"
    num_envs: int = 1
    seed: int = 0
    max_frames: int = 108_000
    frame_stack: int = 4
    fps: float = 60.0 / SKIP
    on_end: Callable[[], None] | None = None  # told before environment 0 begins anew
    reward_range: tuple[float, float] | None = None  # the rules bound it loosely at best
    restarts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from gymnasium.spaces import Box, Discrete

        rom = ids()[self.id]
        sticky, *games = np.random.SeedSequence(self.seed).generate_state(self.num_envs + 1)
        self.rng = np.random.default_rng(sticky)
        self.games = [_load(rom, int(seed) >> 1, self.max_frames) for seed in games]  # 31 bits
        self.moves = self.games[0].getMinimalActionSet()
        self.observation_space: Any = Box(0, 255, (SIDE, SIDE, self.frame_stack), np.uint8)
        self.action_space: Any = Discrete(len(self.moves))
        self.held = [0] * self.num_envs  # the action that the game played last
        self.stacked = np.zeros((self.num_envs, *self.observation_space.shape), np.uint8)

    def prepare(self) -> None:
        """Nothing needs to be found out: the state can be read."""

    def reset(self) -> tuple[np.ndarray, Info]:
        self.stacked = np.stack([self._start(i) for i in range(self.num_envs)])
        return self.stacked.copy(), NO_INFO

    def step(self, actions: np.ndarray) -> Step:
        sticks = (self.rng.random((self.num_envs, SKIP)) < STICKY).tolist()
        seen = np.empty((self.num_envs, SIDE, SIDE), np.uint8)
        reward = np.zeros(self.num_envs)
        for i, action in enumerate(actions.tolist()):
            reward[i], seen[i] = self._play(i, action, sticks[i])
        terminated = np.array([game.game_over(with_truncation=False) for game in self.games])
        truncated = np.array([game.game_truncated() for game in self.games])
        final_obs = _pushed(self.stacked, seen)
        ended = terminated | truncated
        obs = final_obs
        if ended.any():
            obs = final_obs.copy()
            if self.on_end is not None and ended[0]:
                self.on_end()
            for i in np.flatnonzero(ended).tolist():
                obs[i] = self._start(i)
        self.stacked = obs.copy()  # what is handed out is the caller's
        return Step(obs, reward, terminated, truncated, final_obs)

    def _start(self, i: int) -> np.ndarray:
        """A new episode: its first image, four times."""
        self.games[i].reset_game()
        self.held[i] = 0
        image = _picture([self.games[i].getScreenGrayscale()])
        return np.repeat(image[..., None], self.frame_stack, axis=-1)

    def _play(self, i: int, action: int, sticks: list[bool]) -> tuple[float, np.ndarray]:
        """The action for 4 frames, or fewer if the game ends: the score and the image."""
        game, score, frames = self.games[i], 0.0, []
        for frame, stick in enumerate(sticks):
            if not stick:
                self.held[i] = action
            score += game.act(self.moves[self.held[i]])
            over = game.game_over()
            if over or frame >= SKIP - 2:
                frames.append(game.getScreenGrayscale())
            if over:
                break
        return score, _picture(frames)

    def state(self) -> dict[str, Any] | None:
        return {
            "id": self.id,
            "rng": self.rng.bit_generator.state,
            "held": list(self.held),
            "stacked": self.stacked.copy(),
            "games": {
                str(i): np.frombuffer(game.cloneState(include_rng=True).serialize(), np.uint8)
                for i, game in enumerate(self.games)
            },
        }

    def load_state(self, state: dict[str, Any]) -> None:
        from ale_py import ALEState

        if state["id"] != self.id:
            raise ValueError(f"the state is of {state['id']}, not of {self.id}")
        fill(
            self.stacked, state["stacked"], f"{self.id} stacked"
        )  # also checks how many environments
        self.held = wholes(state, "held", self.num_envs, high=len(self.moves) - 1)
        self.rng.bit_generator.state = state["rng"]
        for i, game in enumerate(self.games):
            try:
                saved = ALEState(state["games"][str(i)].tobytes())
            except SystemError as error:  # the ALE's own exceptions have no Python name
                raise ValueError(f"{self.id}: saved game {i} is damaged") from error
            game.reset_game()
            # not saved: whether the console is in the middle of drawing (TIA::myPartialFrameFlag);
            # after a reset Q*bert and Tetris are, after a frame played no game is
            if saved.getEpisodeFrameNumber() > 0:
                game.act(0)
            game.restoreState(saved)

    def render(self) -> np.ndarray:
        """The television's screen in colour."""
        screen: np.ndarray = self.games[0].getScreenRGB()
        return screen.repeat(2, axis=0).repeat(2, axis=1)

    def close(self) -> None:
        pass


def ids() -> dict[str, str]:
    """Id → the ALE's name of the game.  ModuleNotFoundError without ale-py."""
    from ale_py import roms

    names = sorted(set(roms.get_all_rom_ids()) - NEEDS_TWO)
    return {f"ALE/{name.title().replace('_', '')}-v5": name for name in names}


def _load(rom: str, seed: int, max_frames: int) -> Any:
    from ale_py import ALEInterface, LoggerMode, roms

    ALEInterface.setLoggerMode(LoggerMode.Error)  # else a banner per game
    game = ALEInterface()
    game.setInt("random_seed", seed)
    game.setFloat("repeat_action_probability", 0.0)
    game.setInt("max_num_frames_per_episode", max_frames)
    path = roms.get_rom_path(rom)
    assert path is not None  # only for names that the package does not list
    game.loadROM(path)
    return game


def _picture(frames: list[np.ndarray]) -> np.ndarray:
    """max over the frames (what the console draws in every other frame only is there), 84×84."""
    return shrunk_by_area(reduce(np.maximum, frames), SIDE)


def _pushed(stacked: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The stack (N, H, W, 4) with its oldest image out and a new one (N, H, W) in: fresh.

    A pixel's four bytes are one number, shifted by a byte: four to six times as fast as copies.
    """
    history = stacked.view(PIXEL)[..., 0]
    pushed: np.ndarray = (history >> 8 | images.astype(PIXEL) << 24)[..., None].view(np.uint8)
    return pushed
