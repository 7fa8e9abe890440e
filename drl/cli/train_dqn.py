"""`drl train dqn`: the main job."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from agents.dqn.config import DQNConfig, from_settings
from agents.dqn.presets import preset, rainbow, tuned
from drl.errors import UserError
from drl.experiment.run_files import MOST_SEEDS
from drl.log.writers import (
    Writer,
    before_run,
    check_writers,
    default_writers,
    writers_of,
)
from drl.typed import check_types

OWN = (
    "env", "seed", "log", "log_to", "log_every", "checkpoint_every", "backend", "dtype", "device"
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Learn an environment by deep Q-learning.

    CartPole-v1 stops when solved; an environment with a preset needs no other flag.  --rainbow
    switches on all parts of Rainbow: double, dueling, prioritized, noisy, 3-step, c51.  An
    environment of Gymnasium's that raises, or hangs for 60 s, is restarted, at most 10 times in a
    run.
    """

    dqn: Annotated[DQNConfig, tyro.conf.arg(name="")] = field(default_factory=DQNConfig)

    # -- run -------------------------------------------------------------------------------------
    env: str = "CartPole-v1"
    """Environment: any Gymnasium id with Box observations and Discrete actions; module:Id imports
    that module first."""
    seed: int = 1
    """Seed of everything random: same seed, same machine, same run."""
    seeds: int = 1
    """Runs, with seeds from --seed on, side by side on the cores there are."""
    run: Path | None = None
    """Directory of the run, or with --seeds of the runs; none: runs/dqn-<env>-<seed>-<time>."""

    # -- curves, checkpoints, output -------------------------------------------------------------
    log: Literal["full", "minimal", "none"] = "full"
    """What is logged: full adds histograms and images, minimal keeps the returns."""
    log_to: tuple[Writer, ...] = field(default_factory=default_writers)
    """Where: tensorboard (event files), csv (progress.csv), jsonl (progress.jsonl), monitor
    (monitor.csv, as Stable-Baselines3's), wandb, trackio; several, side by side."""
    log_every: int | None = None
    """Env steps between two points of the learning curves; none: 250, or a 400th of all steps."""
    checkpoint_every: int = 10_000
    """Env steps between two checkpoints."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    # -- machine ---------------------------------------------------------------------------------
    backend: Literal["auto", "numpy", "torch"] = "auto"
    """Array library; auto: numpy for small networks, torch for wide ones."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the network."""
    device: str = "cpu"
    """cpu, or cuda (torch)."""

    def __post_init__(self) -> None:
        check_types(self)
        check_writers(self.log_to)
        for name in ("log_every", "checkpoint_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1 env step")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise UserError(f"--seeds {self.seeds} is not possible: give 1 to {MOST_SEEDS:,}")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is not possible: give 0 or more")

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Config:
        """The config back from what a run directory keeps.  UserError where it is damaged."""
        own: dict[str, Any] = {name: settings.get(name) for name in OWN}
        own["log_to"] = writers_of(settings)
        return cls(dqn=from_settings(settings), **own)

    def settings(self) -> dict[str, Any]:
        """The flat JSON form that a run directory keeps."""
        own, dqn = {name: getattr(self, name) for name in OWN}, asdict(self.dqn)
        own["log_to"] = list(self.log_to)
        own["log_every"] = self.log_every or max(250, self.dqn.steps // 400)
        return {"job": "dqn", **own, **dqn}


def parse(args: list[str]) -> Config:
    """The env named on the command line decides the defaults of all other flags; so does --rainbow,
    which can stand with flags that change one of its parts back.
    """
    from drl.cli.parse import parse as parse_with
    from envs import resolve

    env = "CartPole-v1"
    for i, word in enumerate(args):
        if word == "--env" and i + 1 < len(args):
            env = args[i + 1]
        elif word.startswith("--env="):
            env = word.removeprefix("--env=")
    env = resolve(env)
    defaults = preset(env)
    if "--rainbow" in args:
        args = [word for word in args if word != "--rainbow"]
        defaults = rainbow(defaults)
    config: Config = parse_with(Config, "train dqn", args, Config(dqn=defaults, env=env))
    return replace(config, env=resolve(config.env))


def run(config: Config) -> dict[str, Any]:
    """Train, and give the summary."""
    from drl.cli.dqn_job import DQNJob
    from drl.display.console import Console
    from drl.experiment.run import Run
    from drl.experiment.run_files import claim_directory
    from drl.nn.memory import physical_memory

    logged = before_run(config.log, config.log_to)
    job, console = DQNJob.new(config.settings()), Console(quiet=config.json)
    settings = job.settings  # what is wrong in them has shown by now, before a file is made
    if tuned(config.env) is None:
        console.print(f"no preset for {config.env}: defaults")
    for line in job.derived + logged:
        console.print(line)
    if config.seeds > 1:
        from drl.cli.seeds import train
        from drl.closing import close

        close(job.envs)  # the runs have their own, and there may be but one at a time
        most = int(min(config.seeds, physical_memory() / job.agent.replay.nbytes))
        return train(config.run, config.env, settings, config.seeds, config.json, most)
    directory = config.run or claim_directory("dqn", config.env, config.seed)
    with Run.create(directory, settings) as run:
        return job.go(run, console)
