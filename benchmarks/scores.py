"""What trained policies and classifiers are worth: every row of scores.json, trained and scored.

python benchmarks/scores.py [WORD …] [--seeds 1 2] [--jobs 1] [--out runs/scores] [--file FILE]

WORD     only rows whose text holds it ("CartPole", "MNIST"); none: all, which takes many hours
--seeds  in place of the row's

scores.json holds what is run and what came of it, a row each:

what, group      its line in README; rows of a group share one
train, evaluate  arguments of `drl train` and `drl evaluate`
score, unit      the number that counts in evaluate's JSON; "%" for a share
digits           optional: decimals that are shown of it; none: 1
seeds            to train with
bar              least mean over the seeds; with `threshold`, least number of seeds that reach it
worst            optional: least score of a seed
scores           seed → score: written here.  Where only these are known: `summary`
seconds          median of the trainings, where README gives it
date             of the scores

A run that is finished in --out is not trained again.  Writes the file after each row, then README's
table (benchmarks/readme.py).  Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import readme

from drl.bench.process import drl

HERE = Path(__file__).parent


def score(row: dict[str, Any], seed: int, out: Path) -> tuple[float, float]:
    """The score of one seed, and the seconds of its training."""
    run = out / "-".join([*row["train"], str(seed)]).replace("/", "-").replace(" ", "")
    if not (run / "summary.json").exists():
        drl("train", *row["train"], "--seed", str(seed), "--run", str(run))
    seconds = json.loads((run / "summary.json").read_text())["seconds"]
    found = drl("evaluate", str(run), *row["evaluate"])[row["score"]]
    found = 100 * found if row.get("unit") == "%" else found
    return round(found, 1 + row.get("digits", 1)), seconds


def measure(row: dict[str, Any], out: Path, jobs: int, seeds: list[int] | None) -> None:
    """Puts scores, seeds, seconds and date into the row."""
    row["seeds"] = seeds or row["seeds"]
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda seed: score(row, seed, out), row["seeds"]))
    row["scores"] = {str(seed): value for seed, (value, _) in zip(row["seeds"], found, strict=True)}
    if "seconds" in row:
        row["seconds"] = round(statistics.median(seconds for _, seconds in found), 1)
    row["date"] = str(datetime.date.today())
    for stale in ("summary", "note"):
        row.pop(stale, None)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--out", type=Path, default=Path("runs/scores"), help="where runs are kept")
    parser.add_argument("--file", type=Path, default=HERE / "scores.json")
    args = parser.parse_args()
    rows = json.loads(args.file.read_text(encoding="utf-8"))
    missed = 0
    for row in rows:
        text = f"{row.get('group', '')} {row['what']}"
        if args.words and not any(word in text for word in args.words):
            continue
        measure(row, args.out, args.jobs, args.seeds)
        args.file.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
        met = readme.met(row)
        missed += not met
        print(f"{text.strip()}: {readme.value(row)}{'' if met else '  (bar missed)'}", flush=True)
    if args.file == HERE / "scores.json":
        readme.write()
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
