"""Environments of Gymnasium and of other packages, tried as a user would: one table of what works,
what is refused and with which line.

    make third-party                          all, with the packages of third_party.txt installed
    python benchmarks/third_party.py [ID …]   what is named; → third_party.json,
                                              docs/environments.md

Each is trained for some hundred steps by `drl train dqn`, killed by SIGKILL on its way, resumed,
and held against a training that nobody has killed (`drl verify`); then evaluated and examined
(`drl doctor --env`).  Where continuous actions are refused, and the line says `--discretise`, the
line is kept and the training tried with it.  A package that is not here is left as it was.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
JSON, PAGE = HERE / "third_party.json", HERE.parent / "docs" / "environments.md"
OWN = f"{HERE / 'third_party_envs.py'}"
STEPS = ["--steps", "600", "--checkpoint-every", "100", "--num-envs", "2", "--eval-every", "300",
         "--eval-episodes", "1", "--learning-starts", "100", "--hidden", "16", "--log", "minimal",
         "--log-to", "csv", "--eval-max-steps", "100", "--buffer-size", "1000"]  # fmt: skip
LONGEST = 240  # s that one command may take


class Case(NamedTuple):
    """An environment: its package as pip knows it, its id as `--env` takes it."""

    package: str
    env: str
    flags: tuple[str, ...] = ()


def _cases(package: str, *envs: str) -> list[Case]:
    return [Case(package, env) for env in envs]


CASES = [
    *_cases("gymnasium", "FrozenLake-v1", "Taxi-v4", "CliffWalking-v1", "Blackjack-v1"),
    *_cases("gymnasium", "gymnasium.envs.classic_control:CartPoleEnv", "Acrobot-v1",
            "MountainCar-v0", "Pendulum-v1", "MountainCarContinuous-v0"),
    *_cases("Box2D", "LunarLander-v3", "LunarLanderContinuous-v3", "BipedalWalker-v3",
            "CarRacing-v3"),
    *_cases("mujoco", "HalfCheetah-v5"),
    *_cases("MinAtar", *(f"MinAtar/{game}-v1" for game in
                         ("Breakout", "Asterix", "Freeway", "Seaquest", "SpaceInvaders"))),
    *_cases("ale-py", "ALE/Pong-v5"),
    *_cases("minigrid", "minigrid:MiniGrid-Empty-5x5-v0", "minigrid:BabyAI-GoToRedBall-v0"),
    *_cases("highway-env", "highway_env:highway-fast-v0", "highway_env:racetrack-v0"),
    *_cases("flappy-bird-gymnasium", "flappy_bird_gymnasium:FlappyBird-v0"),
    *_cases("gymnasium-robotics", "gymnasium_robotics:PointMaze_UMaze-v3",
            "gymnasium_robotics:FetchReach-v4"),
    *_cases("panda-gym", "panda_gym:PandaReach-v3"),
    *_cases("PyFlyt", "PyFlyt.gym_envs:PyFlyt/QuadX-Hover-v1"),
    *_cases("tetris-gymnasium", "tetris_gymnasium.envs:tetris_gymnasium/Tetris"),
    *_cases("popgym", "popgym:popgym-RepeatPreviousEasy-v0", "popgym:popgym-BattleshipEasy-v0"),
    *_cases("sb3-contrib", *(f"sb3_contrib.common.envs:InvalidActionEnv{kind}" for kind in
                             ("Discrete", "MultiDiscrete", "MultiBinary"))),
    *_cases("shimmy", "shimmy:bsuite/catch-v0", "shimmy:dm_control/cartpole-balance-v0"),
    *_cases("metaworld", "metaworld:Meta-World/MT1"),
    *_cases("gym-anytrading", "gym_anytrading:forex-v0"),
    *_cases("gym-trading-env", "gym_trading_env:TradingEnv"),
    *_cases("mo-gymnasium", "mo_gymnasium:deep-sea-treasure-v0", f"{OWN}:treasure"),
    *_cases("pettingzoo", f"{OWN}:connect_four"),
    *_cases("crafter", "crafter:CrafterReward-v1", f"{OWN}:crafter"),
    *_cases("gym-super-mario-bros", "gym_super_mario_bros:SuperMarioBros-v0"),
    *_cases("miniworld", "miniworld:MiniWorld-OneRoom-v0"),
    *_cases("gym-saturation", "gym_saturation:Vampire-v0"),
]  # fmt: skip


class Ran(NamedTuple):
    """A command that came to its end, or was killed."""

    code: int
    out: str
    line: str  # of its standard error, what is wrong
    words: str = ""  # all of it


def drl(*words: str) -> Ran:
    """The command, to its end."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "drl", *words], capture_output=True, text=True, check=False,
            timeout=LONGEST, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Ran(-1, "", f"not done after {LONGEST} s")
    return Ran(done.returncode, done.stdout, last(done.stderr), done.stderr)


def last(words: str) -> str:
    """The line that says what is wrong."""
    lines = [line for line in words.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith("drl: ") and "warning" not in line[:15]]
    return (ours or lines or [""])[-1].removeprefix("drl: ")


def killed(command: list[str], run: Path) -> bool:
    """Start it, and kill it once a checkpoint of its middle is there; False where it ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "drl", *command], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + LONGEST
    while process.poll() is None and time.monotonic() < end:
        steps = [int(found[1]) for path in run.glob("checkpoints/step-*")
                 if (found := re.search(r"step-(\d+)", path.name))]  # fmt: skip
        if max(steps, default=0) >= 100:
            break
        time.sleep(0.02)
    over = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return not over


def tried(case: Case, run: Path) -> dict[str, Any]:
    """What became of it."""
    train = ["train", "dqn", "--env", case.env, *case.flags, *STEPS, "--run", str(run)]
    first = killed(train, run)
    done = drl(*train, "--resume-or-start")
    if done.code:
        verdict = "refused" if done.code == 2 else "fails"
        return {"verdict": verdict, "line": shown(done.line)}
    verified = drl("verify", str(run), "--json")
    try:
        found = json.loads(verified.out.splitlines()[-1])
        same = "same bytes" if found["same"] else f"differs from step {found['first_difference']}"
    except (IndexError, ValueError, KeyError):
        same = shown(verified.line)
    said = done.words + verified.words
    if "does not repeat itself" in said or "begin anew" in said:
        same = "goes on in new episodes: it does not repeat itself, which is said"
    score = drl("evaluate", str(run), "--episodes", "2")
    return {
        "verdict": "works", "line": seen_as(done.out), "killed": first, "resumed": same,
        "evaluate": "ok" if score.code == 0 else shown(score.line),
        "doctor": doctor(case),
    }  # fmt: skip


def doctor(case: Case) -> str:
    """How many of its lines say what; and those that fail."""
    words = [word for word in case.flags if word.startswith("--wrapper")]
    done = drl("doctor", "--env", case.env, *words)
    lines = done.out.splitlines()
    counts = {
        kind: [line.split(kind, 1)[1].strip() for line in lines if line.startswith(f"  {kind}")]
        for kind in ("ok", "look", "fail")
    }
    if not any(counts.values()):
        return shown(done.line)
    text = ", ".join(f"{len(found)} {kind}" for kind, found in counts.items() if found)
    return text + "".join(f"; {shown(line)}" for line in counts["fail"])


def shown(line: str) -> str:
    """Without what is of this machine or this moment."""
    line = re.sub(r"; the last good checkpoint is .*", "", line)
    return re.sub(r"/\S*/", "", line)[:400]


def seen_as(out: str) -> str:
    """What the training said of its observations and actions."""
    lines = [line for line in out.splitlines() if line.startswith(("observations:", "actions:"))]
    return "; ".join(line if len(line) <= 160 else line[:159] + "…" for line in map(shown, lines))


def measure(case: Case) -> dict[str, Any]:
    """A row."""
    version = importlib.metadata.version(case.package)
    start, row = time.perf_counter(), {"package": case.package, "version": version}
    with tempfile.TemporaryDirectory() as scratch:
        found = tried(case, Path(scratch) / "run")
        refused = found["line"]
        if found["verdict"] == "refused" and "--discretise" in refused:
            more = case._replace(flags=(*case.flags, "--discretise", "3"))
            found = tried(more, Path(scratch) / "more") | {"refused": refused}
    row |= {"env": case.env.replace(str(HERE) + "/", ""), **found}
    return row | {"seconds": round(time.perf_counter() - start)}


def page(rows: list[dict[str, Any]], date: str) -> str:
    """docs/environments.md."""
    works = sum(row["verdict"] == "works" for row in rows)
    lines = [
        "# Environments that were tried",
        "",
        "Made by `python benchmarks/third_party.py` (`make third-party` installs the packages, of "
        f"the versions in `benchmarks/third_party.txt`), {date}: do not edit. Each is trained by "
        "`drl train dqn --env ID` for 600 steps with a network of 16, killed by SIGKILL on its "
        "way, resumed, held against a training that was not killed (`drl verify`), evaluated "
        "(`drl evaluate`) and examined (`drl doctor --env`). It tells whether an environment can "
        "be used, not how well it is learnt.",
        "",
        f"{works} of {len(rows)} train. The rest are refused in one line, which is in the table.",
        "",
        "| package | `--env` | | what was said | killed, resumed | evaluate | doctor |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        flags = " `--discretise 3`" if "refused" in row else ""
        said = f"without the flag: {row['refused']}. " if flags else ""
        cells = [
            f"{row['package']} {row['version']}", f"`{row['env']}`{flags}", row["verdict"],
            escaped(said + row["line"]), escaped(row.get("resumed", "")),
            escaped(row.get("evaluate", "")), escaped(row.get("doctor", "")),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """For a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("`", "'").replace("*", "\\*")


def main() -> None:
    """What is asked for, added to what was found before."""
    known = {}
    if JSON.exists():
        known = {row["env"]: row for row in json.loads(JSON.read_text(encoding="utf-8"))["rows"]}
    asked = sys.argv[1:]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for case in CASES:
        name = case.env.replace(str(HERE) + "/", "")
        if asked and name not in asked:
            continue
        try:
            known[name] = measure(case)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name}: {case.package} is not here", flush=True)
            continue
        print(json.dumps(known[name]), flush=True)
        rows = [known[key] for each in CASES if (key := each.env.replace(f"{HERE}/", "")) in known]
        date = str(datetime.date.today())
        JSON.write_text(json.dumps({"date": date, "rows": rows}, indent=1) + "\n", "utf-8")
        PAGE.write_text(page(rows, date), encoding="utf-8")


if __name__ == "__main__":
    main()
