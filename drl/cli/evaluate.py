"""`drl evaluate RUN`: what a policy or a classifier is worth on what it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from drl.errors import UserError


@dataclass(frozen=True)
class Config:
    """Score a run: the greedy policy in fresh environments, or the classifier on its test split."""

    run: tyro.conf.Positional[Path]
    """Directory of the run."""
    episodes: int = 100
    """DQN: whole episodes to play."""
    seed: int = 7
    """DQN: seed of the fresh environments; never one that training used, whatever the number."""
    policy: Literal["best", "last"] = "best"
    """The best checked parameters, or those of the last checkpoint."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise UserError(f"--episodes {self.episodes} is not possible: give 1 or more")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is not possible: give 0 or more")


def run(config: Config) -> dict[str, Any]:
    """Score, print, and give the result."""
    from drl.cli.elsewhere import use_device_that_is_here
    from drl.display.console import Console
    from drl.experiment.run import Run

    with Run.open(config.run) as run:
        use_device_that_is_here(run, Console(quiet=config.json))
        if run.job == "digits":
            from drl.cli.train_digits import evaluate

            return evaluate(run, quiet=config.json)
        return _evaluate_dqn(run, config)


def _evaluate_dqn(run: Any, config: Config) -> dict[str, Any]:
    import envs
    from agents.dqn.build import env_seed, unseen_stream
    from agents.dqn.config import from_settings
    from agents.evaluation import evaluate_fresh
    from drl.cli.elsewhere import say_import
    from drl.cli.policy import load_policy
    from drl.display.console import Console

    settings, console = run.config, Console(quiet=config.json)
    trained = from_settings(settings)
    policy = load_policy(run, config.policy)
    seed = env_seed(unseen_stream(config.seed))
    say_import(settings["env"], console)
    # in the training environments: there are none here, but never more of them than it had
    at_once = trained.num_envs if trained.eval_envs == 0 else trained.eval_envs
    result = evaluate_fresh(
        policy, envs.factory(settings["env"]), config.episodes, seed, policy.checked, at_once,
        trained.eval_max_steps,
    )  # fmt: skip
    scores = {
        "mean_reward": result.mean,
        "std_reward": float(result.returns.std()),
        "min_reward": float(result.returns.min()),
        "max_reward": float(result.returns.max()),
        "mean_ep_length": float(result.lengths.mean()),
        "episodes": len(result.returns),
        "episodes_cut": result.cut,
        "env_restarts": result.restarts,
        "seed": config.seed,
        "policy": config.policy,
    }
    console.table(
        f"{settings['env']}, {config.policy} policy, {len(result.returns)} greedy episodes, "
        f"seed {config.seed}",
        {
            "mean return": f"{result.mean:.1f} ± {scores['std_reward']:.1f} (std)",
            "min, max": f"{scores['min_reward']:.1f}, {scores['max_reward']:.1f}",
            "mean length": f"{scores['mean_ep_length']:.1f} agent steps",
        },
    )
    return scores
