"""Our DQN beside Stable-Baselines3's: speed of training, and CartPole from the command to solved.

python benchmarks/beside_sb3.py [--only speed|solved] [--plain] [--seeds 3] [--json FILE]

README's lines are of benchmarks/beside_sb3.json, which three calls with --json make: --only speed,
--only speed --plain, --only solved --seeds 20.  What a call does not measure stays in the file.

In an environment of its own, since the toolkit never needs the other library:
    python3 -m venv .venv-bench
    .venv-bench/bin/pip install torch==2.13.0 -c constraints.txt
    .venv-bench/bin/pip install -c constraints.txt -e '.[box2d,minatar]' stable-baselines3==2.9.2

speed    The preset's net (the parameters are counted), batch, memory, number of environments and
         updates per env step (counted too), Adam; one thread, no greedy evaluations, repeats in
         turn. Seconds are of the loop, from the first env step to the last: 512 env steps of
         warm-up and then the budget.  Each with its default logging: ours writes TensorBoard,
         histograms, images and checkpoints, theirs nothing.  Each with its own target: ours is the
         preset's (Double or Munchausen, n steps), theirs plain DQN with one step, which costs less;
         --plain gives ours that one too.
solved   Whole processes, start to exit.  Ours is `drl train dqn --seed S` (stops when 100 greedy
         episodes reach a mean of 490); theirs the public tuned preset of the RL Zoo, stopped when
         10 and then 100 greedy episodes reach 475, looked at every 2,000 env steps.  Theirs is also
         given without the time of these checks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from in_turn import (  # first: it sets the threads
    NEVER,
    Counted,
    Trained,
    in_turn,
    our_side,
    quiet,
    their_seconds,
    verdict,
)

# isort: split
import gymnasium as gym
import torch
from minatar.gym import register_envs
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from agents.dqn.config import lengths
from agents.dqn.presets import preset
from agents.row import Preset

WARM_UP = 512  # env steps before learning; a multiple of both numbers of environments
SPEED = {  # env: env steps after the warm-up, least ratio asked for
    "CartPole-v1": (10_000, 4.0),
    "LunarLander-v3": (6_000, 3.0),
    "MinAtar/Breakout-v1": (10_000, 3.0),
}
SOLVED_BAR = 25.0

ZOO_STEPS = 50_000
ZOO: dict[str, Any] = {  # rl-baselines3-zoo, hyperparams/dqn.yml, CartPole-v1
    "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1_000,
    "gamma": 0.99, "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128,
    "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}  # fmt: skip
CHECK_EVERY, THRESHOLD = 2_000, 475.0  # env steps; mean return


# -- speed ------------------------------------------------------------------------------------
class MinAtarFeatures(BaseFeaturesExtractor):
    """16 filters of 3×3 and ReLU, as conv="minatar": (10, 10, C) bool → 1,024."""

    def __init__(self, observation_space: gym.spaces.Box) -> None:
        super().__init__(observation_space, features_dim=8 * 8 * 16)
        channels = observation_space.shape[-1]
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(channels, 16, 3), torch.nn.ReLU(), torch.nn.Flatten()
        )

    def forward(self, board: torch.Tensor) -> torch.Tensor:
        return self.layers(board.permute(0, 3, 1, 2))


def speed(repeats: int, plain: bool) -> list[dict[str, Any]]:
    rows = []
    print(f"{'env':<21}{'ours':>22}{'SB3':>22}{'ratio':>8}{'bar':>6}")
    for env, (budget, bar) in SPEED.items():
        steps = WARM_UP + budget
        tuned = preset(env)
        assert tuned is not None
        config, experiment = tuned
        config = replace(config, learning_starts=WARM_UP)
        config = replace(config, bootstrap="max", n_step=1) if plain else config
        experiment = replace(experiment, steps=steps, eval_every=NEVER, solved_at=None)
        pairs = in_turn(env, Preset(config, experiment), our_side("dqn"), their_loop, repeats)
        env_steps, updates, _ = pairs.counted
        rates, ratio = [(env_steps / s, updates / s) for s in pairs.medians], pairs.ratio
        shown = "".join(f"{f'{e:,.0f} / {u:,.0f}':>22}" for e, u in rates)
        print(f"{env:<21}{shown}{ratio:>8.2f}{bar:>6g}  {verdict(ratio, bar)}", flush=True)
        rows.append(
            {"env": env, "env_steps": env_steps, "updates": updates, "seconds": pairs.seconds,
             "env_steps_per_second": [e for e, _ in rates],
             "updates_per_second": [u for _, u in rates], "ratio": ratio, "bar": bar}
        )  # fmt: skip
    print(f"env steps / updates per second: medians of {repeats}; ratio: the median over pairs")
    return rows


def their_loop(env: str, settings: Preset, seed: int) -> Trained:
    """`learn`, with these settings: gradient_steps follow each step of all environments."""
    config, experiment = settings
    steps, num_envs = experiment.steps, experiment.num_envs
    policy: dict[str, Any] = {"net_arch": list(config.hidden), "activation_fn": torch.nn.ReLU}
    if config.conv is not None:
        policy["features_extractor_class"] = MinAtarFeatures
    model = DQN(
        "MlpPolicy", make_vec_env(env, num_envs, seed), seed=seed, device="cpu",
        learning_rate=config.lr, batch_size=config.batch_size, buffer_size=config.buffer_size,
        learning_starts=WARM_UP, gamma=config.gamma, tau=config.tau, train_freq=1,
        gradient_steps=round(num_envs * config.updates_per_step),
        target_update_interval=round(config.target_period / config.updates_per_step),
        exploration_fraction=min(1.0, lengths(config, steps, num_envs).epsilon_steps / steps),
        exploration_final_eps=config.epsilon_end, policy_kwargs=policy,
    )  # fmt: skip
    seconds, size = their_seconds(model, steps), sum(p.numel() for p in model.q_net.parameters())
    return Trained(seconds, Counted(model.num_timesteps, model._n_updates, size), model)


# -- solved -----------------------------------------------------------------------------------
class UntilSolved(BaseCallback):
    """Ends training once greedy episodes pass; `checking`: seconds that the checks took."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.envs = make_vec_env("CartPole-v1", 10, NEVER + seed)
        self.checking, self.solved = 0.0, False

    def _on_step(self) -> bool:
        if self.num_timesteps % CHECK_EVERY == 0:
            start = time.perf_counter()
            means = (evaluate_policy(self.model, self.envs, n)[0] for n in (10, 100))
            self.solved = all(mean >= THRESHOLD for mean in means)  # 100 only where 10 pass
            self.checking += time.perf_counter() - start
        return not self.solved


def solve_theirs(seed: int) -> dict[str, Any]:
    """In this process: the preset until solved, or to its end."""
    until = UntilSolved(seed)
    model = DQN("MlpPolicy", make_vec_env("CartPole-v1", 1, seed), seed=seed, device="cpu", **ZOO)
    model.learn(ZOO_STEPS, callback=until)
    return {
        "solved": until.solved, "env_steps": model.num_timesteps, "updates": model._n_updates,
        "checking": until.checking,
    }  # fmt: skip


def timed(command: list[str]) -> dict[str, Any]:
    """A process of its own: the JSON of its last line, and its seconds from start to exit."""
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result | {"seconds": time.perf_counter() - start}


def solved(seeds: int, first_seed: int) -> dict[str, Any]:
    rows = []
    print(f"{'seed':>4}{'ours, s':>10}{'env steps':>11}{'SB3, s':>10}{'unchecked':>11}"
          f"{'env steps':>11}{'solved':>8}{'ratio':>8}")  # fmt: skip
    for seed in range(first_seed, first_seed + seeds):
        with tempfile.TemporaryDirectory() as scratch:
            train = ["-m", "drl", "train", "dqn", "--seed", str(seed), "--json"]
            ours = timed([sys.executable, *train, "--run", f"{scratch}/run"])
        theirs = timed([sys.executable, __file__, "--solve-theirs", str(seed)])
        unchecked = theirs["seconds"] - theirs["checking"]
        rows.append({"seed": seed, "ours": ours, "theirs": theirs})
        print(
            f"{seed:>4}{ours['seconds']:>10.2f}{ours['env_steps']:>11,}{theirs['seconds']:>10.1f}"
            f"{unchecked:>11.1f}{theirs['env_steps']:>11,}{theirs['solved']!s:>8}"
            f"{theirs['seconds'] / ours['seconds']:>8.1f}", flush=True,
        )  # fmt: skip
    ours_median = statistics.median(row["ours"]["seconds"] for row in rows)
    whole = statistics.median(row["theirs"]["seconds"] for row in rows)
    without = statistics.median(r["theirs"]["seconds"] - r["theirs"]["checking"] for r in rows)
    ratio, ratio_unchecked = whole / ours_median, without / ours_median
    print(
        f"ours solved {sum(row['ours']['solved'] for row in rows)} of {seeds}, "
        f"SB3 {sum(row['theirs']['solved'] for row in rows)} of {seeds} (unsolved: to the end)"
    )
    print(
        f"medians: {ours_median:.2f} s, {whole:.1f} s; ratio {ratio:.1f}, bar {SOLVED_BAR:g} "
        f"{verdict(ratio, SOLVED_BAR)}; without the time of SB3's checks {ratio_unchecked:.1f}"
    )
    return {
        "rows": rows, "seeds": seeds, "median_seconds": [ours_median, whole], "ratio": ratio,
        "ratio_unchecked": ratio_unchecked, "bar": SOLVED_BAR,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("speed", "solved"))
    parser.add_argument("--repeats", type=int, default=3, help="of each run of speed")
    parser.add_argument("--plain", action="store_true", help="speed: our target like theirs")
    parser.add_argument("--seeds", type=int, default=3, help="of solved")
    parser.add_argument("--first-seed", type=int, default=1, help="of solved")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="puts the figures of every run there"
    )
    parser.add_argument("--solve-theirs", type=int, metavar="SEED", help=argparse.SUPPRESS)
    args = parser.parse_args()
    quiet()
    if args.solve_theirs is not None:
        print(json.dumps(solve_theirs(args.solve_theirs)))
        return
    result: dict[str, Any] = {}
    if args.only != "solved":
        register_envs()
        result["speed_plain" if args.plain else "speed"] = speed(args.repeats, args.plain)
    if args.only != "speed":
        result["solved"] = solved(args.seeds, args.first_seed)
    if args.json:
        before = json.loads(args.json.read_text()) if args.json.exists() else {}
        args.json.write_text(json.dumps(before | result, indent=1) + "\n")


if __name__ == "__main__":
    main()
