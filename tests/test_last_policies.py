"""The page of results has what benchmarks/last_policies.json says of last policies."""

import json
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import last_policies  # noqa: E402


def seeds(last: list[float], late: float) -> list[dict[str, Any]]:
    return [
        {
            "seed": i,
            "solved": True,
            "env steps": 1000,
            "best": 500.0,
            "last": x,
            "late": [late, 500],
        }
        for i, x in enumerate(last)
    ]


def test_bars_are_held_by_seeds_and_by_evaluations() -> None:
    good = last_policies.result("CartPole-v1", seeds([500.0] * 39 + [9.0], late=400.0))
    assert [bar.met for bar in good.bars] == [True, True, True]  # one of 40 may be lost
    bad = last_policies.result("CartPole-v1", seeds([500.0] * 38 + [9.0, 474.9], late=399.0))
    assert [bar.measured for bar in bad.bars] == [38, 0.5, 1000]
    assert [bar.met for bar in bad.bars] == [False, False, True]
    lunar = last_policies.result("LunarLander-v3", seeds([290.0, 149.0, 300.0], late=0.0))
    assert [bar.met for bar in lunar.bars] == [True, False, True]


def test_one_seed_has_no_interval() -> None:
    """By hand: the mean of 1 and 3 is 2, and the bootstrap's means are within 1 and 3."""
    one = last_policies.result("CartPole-v1", seeds([500.0], late=400.0))
    assert one.notes[1] == "last: mean 500.0, median 500.0, lowest 500.0"
    assert last_policies.interval([1.0, 3.0]) == " (95 % interval 1.0 to 3.0)"


def test_the_page_of_results_has_every_seed_of_the_file() -> None:
    found = json.loads((BENCHMARKS / "last_policies.json").read_text("utf-8"))
    for env, experiment in last_policies.EXPERIMENTS.items():
        assert [row["seed"] for row in found[env]] == experiment.seeds
    page = (BENCHMARKS / "RESULTS.md").read_text("utf-8")
    part = page.partition(last_policies.BEGIN)[2].partition(last_policies.END)[0].strip()
    assert part == last_policies.markdown(found), "python benchmarks/last_policies.py"


def test_readmes_scores_are_those_of_the_file() -> None:
    """The same command, so the same numbers: scores.json has the last policies' of both."""
    found = json.loads((BENCHMARKS / "last_policies.json").read_text("utf-8"))
    rows = json.loads((BENCHMARKS / "scores.json").read_text("utf-8"))
    for env, experiment in last_policies.EXPERIMENTS.items():
        named = [row for row in rows if env in row["what"]]
        if " " in env and not named:  # an agent that README has no line of
            continue
        kept = {row["evaluate"][-1] if row["evaluate"] else "best": row for row in named}
        for policy in kept:
            expected = {str(row["seed"]): round(row[policy], 2) for row in found[env]}
            assert kept[policy]["scores"] == expected
        assert kept["last"]["seeds"] == experiment.seeds
