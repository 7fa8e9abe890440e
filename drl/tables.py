"""The only lists: what can be trained, and who writes its curves.  A row names a module; nothing is
imported for it here."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, NamedTuple

from drl.errors import UserError
from drl.nearest import did_you_mean


class Job(NamedTuple):
    """A kind of training: the module that makes, restores and resumes it, and what is read back of
    its runs."""

    module: str
    who: str  # the setting that names who learns
    what: str  # the setting that names what is learnt
    about: tuple[str, ...]  # settings of that, whoever learns
    steps: str  # the number of steps in a summary
    unit: str  # of them
    curve: str  # the metric over steps, by TensorBoard name
    metrics: dict[str, str]  # what a run is worth: name → key in its summary
    beside: tuple[str, ...]  # other curves that are worth a band over seeds
    last: str | None = None  # what the curve's last value is called; None: it is one of these


CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"


class Row(NamedTuple):
    """One thing that `train` knows by name."""

    module: str
    help: str  # one line
    job: Job
    env: str = CARTPOLE  # where it learns if nobody says


class LoggerRow(NamedTuple):
    """One thing that `--log-to` knows by name: the module that offers `open_logger(told)` and
    `last_step(directory)`."""

    module: str
    package: str | None = None  # that it needs
    file: str | None = None  # that it writes in the run's directory, where it is one of that name


RL = Job(
    "agents.job", "job", "env", ("env_kwargs", "wrappers"),
    "env_steps", "env steps", "eval/mean_reward",
    {"best evaluation": "best_mean_reward"},
    ("rollout/ep_rew_mean", "eval/q_estimated", "eval/q_realised", "train/q_mean"),
    "last evaluation",
)  # fmt: skip
SUPERVISED = Job(
    "drl.supervised.job", "model", "data", (),
    "updates", "updates", "test/accuracy",
    {"test accuracy": "test_accuracy"},
    ("test/cross_entropy", "train/accuracy", "train/cross_entropy"),
)  # fmt: skip

AGENTS = {  # name → its family's folder, which offers what agents.row says
    "dqn": Row("agents.dqn", "learn an environment by deep Q-learning", RL),
    "ppo": Row("agents.ppo", "learn an environment by PPO, a policy gradient", RL),
    "a2c": Row("agents.ppo.a2c", "learn an environment by A2C, PPO's simpler kin", RL),
    "pqn": Row("agents.pqn", "learn an environment by PQN, Q-learning without replay", RL),
    "sac": Row("agents.sac.sac", "learn continuous actions by SAC", RL, PENDULUM),
    "td3": Row("agents.sac.td3", "learn continuous actions by TD3", RL, PENDULUM),
    "tqc": Row("agents.sac.tqc", "learn continuous actions by TQC", RL, PENDULUM),
    "crossq": Row("agents.sac.crossq", "learn continuous actions by CrossQ", RL, PENDULUM),
}
TASKS = {  # what learns without an environment
    "digits": Row("drl.supervised", "learn to classify handwritten digits", SUPERVISED),
}
LOGGERS = {
    "tensorboard": LoggerRow("drl.log.tensorboard.writer", package="tensorboard"),
    "csv": LoggerRow("drl.log.table", file="progress.csv"),
    "jsonl": LoggerRow("drl.log.lines", file="progress.jsonl"),
    "monitor": LoggerRow("drl.log.monitor", file="monitor.csv"),
    "wandb": LoggerRow("drl.log.dashboard", package="wandb"),
    "trackio": LoggerRow("drl.log.dashboard", package="trackio"),
}


def is_own(name: str) -> bool:
    """Whether an agent of this name is the user's own: a file's (my_agent.py), a class or object in
    one (my_agent.py:Name, module:Name), or one that no file holds (:Name)."""
    return ":" in name or name.endswith(".py")


def label(name: str) -> str:
    """A task's or an agent's name in a word, for people and directories."""
    return PurePath(name.rpartition(":")[2]).name.removesuffix(".py")


def env_of(name: str) -> str:
    """The environment in which an agent learns if nobody says."""
    return AGENTS[name].env if name in AGENTS else CARTPOLE


def job_of(name: str) -> Job:
    """The kind of training that an agent or a task is."""
    return TASKS[name].job if name in TASKS else RL


def job_module(name: str) -> Any:
    """Its module."""
    return importlib.import_module(job_of(name).module)


def require_job(name: Any) -> str:
    """An agent's or a task's name.   UserError where it is none."""
    if isinstance(name, str) and (name in AGENTS or name in TASKS or is_own(name)):
        return name
    raise unknown_agent(name, (*AGENTS, *TASKS))


def unknown_agent(name: Any, known: Iterable[str]) -> UserError:
    """That nobody learns by this name, and who does."""
    names = list(known)
    return UserError(
        f"unknown agent {name!r}{did_you_mean(str(name), names)}; expected one of "
        f"{', '.join(names)}, or a file of your own (my_agent.py, my_agent.py:Name)"
    )
