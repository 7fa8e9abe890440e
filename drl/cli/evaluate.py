"""`drl evaluate RUN`: what a policy or a classifier is worth on what it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from drl.errors import UserError
from drl.settings import require


@dataclass(frozen=True)
class Config:
    """Score a run or a policy file: the policy in fresh environments, or the classifier on
    its test split."""

    run: tyro.conf.Positional[Path]
    """Directory of the run, a policy's file, or a checkpoint of a run."""
    episodes: int = 100
    """Of an agent: whole episodes to play."""
    seed: int = 7
    """Of an agent: seed of the fresh environments; never one that training used, whatever the
    number."""
    policy: Literal["best", "last"] = "best"
    """Of the best evaluation, or of the last checkpoint."""
    sample: bool = False
    """Of an agent with probabilities (ppo, a2c, sac, tqc, crossq): draw the actions, as in
    training, instead of taking the most probable ones."""
    data: Path | None = None
    """Of a classifier that was trained on arrays from Python: a .npz file with them, x and y."""
    json: bool = False
    """Print the result as one JSON object on the last line."""

    def __post_init__(self) -> None:
        require("episodes", self.episodes, self.episodes >= 1, "1 or more")
        require("seed", self.seed, self.seed >= 0, "0 or more")


def run(config: Config) -> dict[str, Any]:
    """Score, print, and give the result."""
    from drl.api.runs import opened
    from drl.api.score import scores
    from drl.cli.console import CommandConsole
    from drl.numbers import score
    from drl.supervised.task import score_table
    from drl.tables import TASKS

    console = CommandConsole(quiet=config.json)
    found = opened(config.run, console)
    if found.job in TASKS:
        of_test: dict[str, Any] = found.score(config.data)
        console.table(found.title, score_table(of_test))
        return of_test
    if config.data is not None:
        raise UserError(f"{config.run} is of an agent, which learns from no data: leave it out")
    result = found.evaluate(config.episodes, config.seed, config.policy, sample=config.sample)
    policy = found.named(config.policy)
    numbers = scores(result, config.seed, policy, config.sample)
    std, how = numbers["std_reward"], "sampled" if config.sample else "greedy"
    console.table(
        f"{found.title}, {policy} policy, {len(result.returns)} {how} episodes, seed {config.seed}",
        {
            "mean return": f"{score(result.mean, std)} ± {score(std, result.mean)} (std)",
            "min, max": f"{score(numbers['min_reward'])}, {score(numbers['max_reward'])}",
            "mean length": f"{numbers['mean_ep_length']:.1f} agent steps",
        }
        | ({"success": f"{numbers['success_rate']:.0%}"} if "success_rate" in numbers else {})
        | ({"env restarts": str(result.restarts)} if result.restarts else {}),
    )
    return numbers
