"""A change that means to change nothing changes no byte: what each variant has learnt, kept.

`python tests/test_same_bytes.py` writes the hashes anew, after a change that means to; say so in
its message.  With words (`ppo "dqn c51"`) it writes those of the cases that begin with one of
them: new cases, by the code before the change that they are to hold.

They hold for one machine's arithmetic (tests/arithmetic.py), and are kept by its fingerprint, so
that those of several machines stand side by side; where a machine has none for a case it is
skipped, and what a run repeats of itself is tested in test_train.py.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from arithmetic import fingerprint

from drl.cli.main import main
from drl.experiment import checkpoint

KEPT = Path(__file__).parent / "snapshots" / "bytes.json"
SHORT = [
    "--steps", "560", "--learning-starts", "160", "--num-envs", "8", "--eval-every", "250",
    "--eval-episodes", "2", "--log", "none", "--checkpoint-every", "1000",
]  # fmt: skip
LENGTHS = {  # ε in env steps, lr in updates, β in updates: those of a whole training, not of 560
    "CartPole-v1": (3_000, 25_000, 50_000),
    "Acrobot-v1": (10_000, 100_000, 50_000),
    "MountainCar-v0": (40_000, 60_000, 50_000),
    "drl/Catch-v0": (8_000, 10_000, 50_000),
    "drl/CartPolePixels-v1": (10_000, 50_000, 50_000),
    "MinAtar/Breakout-v1": (100_000, 250_000, 50_000),
}


def dqn(env: str) -> list[str]:
    """A short part of a whole training: all but seed, backend, variant."""
    names = ("--epsilon-steps", "--lr-steps", "--priority-beta-steps")
    own = [word for pair in zip(names, map(str, LENGTHS[env]), strict=True) for word in pair]
    return ["train", "dqn", "--env", env, *own, *SHORT]


VARIANTS = {
    "max": ["--bootstrap", "max"],
    "double": [],
    "munchausen": ["--bootstrap", "munchausen"],
    "dueling": ["--dueling"],
    "noisy": ["--noisy"],
    "prioritized": ["--prioritized"],
    "3-step": ["--n-step", "3"],
    "c51": ["--head", "c51"],
    "qr": ["--head", "qr"],
    "iqn": ["--head", "iqn"],
    "munchausen iqn": ["--bootstrap", "munchausen", "--head", "iqn"],
    "held": ["--ez-mu", "2"],
    "clipped": ["--reward-clip", "0.5", "--max-grad-norm", "1"],
    "averaged": ["--tau", "0.01", "--target-period", "1"],
    "rainbow": ["--rainbow"],
    "rainbow munchausen": ["--rainbow", "--bootstrap", "munchausen"],
}
CASES: dict[str, list[str]] = {
    f"dqn {name} {backend} {seed}": [
        *dqn("CartPole-v1"), "--seed", str(seed), "--backend", backend, *flags
    ]
    for name, flags in VARIANTS.items()
    for backend in ("numpy", "torch")
    for seed in ((1, 2) if backend == "numpy" else (1,))
}  # fmt: skip
for env, flags in {
    "Acrobot-v1": [],
    "MountainCar-v0": [],
    "drl/Catch-v0": [],
    "drl/CartPolePixels-v1": ["--hidden", "16"],
    "MinAtar/Breakout-v1": ["--hidden", "16"],
}.items():
    CASES[f"dqn {env} numpy 1"] = [*dqn(env), "--seed", "1", "--backend", "numpy", *flags]
for model in ("logistic", "mlp", "conv"):
    for backend in ("numpy", "torch"):
        CASES[f"digits {model} {backend} 1"] = [
            "train", "digits", "--model", model, "--epochs", "1", "--log", "none",
            "--backend", backend,
        ]  # fmt: skip

ROLLOUTS = ["--num-envs", "8", "--n-steps", "32", "--steps", "768", "--anneal-steps", "100000"]
REPLAYED = [
    "--env", "Pendulum-v1", "--num-envs", "2", "--steps", "160", "--learning-starts", "64",
    "--hidden", "24", "24", "--batch-size", "32", "--lr-steps", "100000",
]  # fmt: skip
EVALUATED = ["--eval-every", "250", "--eval-episodes", "2", "--log", "none"]
OTHERS = {  # a short part of a whole training, as above
    "ppo discrete": ["ppo", "--env", "CartPole-v1", *ROLLOUTS, "--batch-size", "64"],
    "ppo continuous": ["ppo", "--env", "Pendulum-v1", *ROLLOUTS, "--batch-size", "64"],
    "ppo recurrent": [
        "ppo", "--env", "CartPole-v1", *ROLLOUTS, "--batch-size", "64", "--recurrent",
        "--recurrent-units", "12", "--hidden", "16",
    ],
    "ppo shared": [
        "ppo", "--env", "drl/Catch-v0", *ROLLOUTS, "--batch-size", "64", "--shared",
        "--clip-range-vf", "0.2", "--normalise-reward",
    ],
    "a2c": ["a2c", "--env", "CartPole-v1", *ROLLOUTS],
    "pqn": [
        "pqn", "--env", "CartPole-v1", *ROLLOUTS, "--batch-size", "64", "--epsilon-steps", "8000",
    ],
    "sac": ["sac", *REPLAYED],
    "td3": ["td3", *REPLAYED],
    "tqc": ["tqc", *REPLAYED],
    "crossq": ["crossq", *REPLAYED, "--normalise-obs"],
}  # fmt: skip
CASES |= {
    f"{name} {backend} 1": ["train", *flags, *EVALUATED, "--backend", backend]
    for name, flags in OTHERS.items()
    for backend in ("numpy", "torch")
}
VECTORS = (
    "net", "target_net", "critic_net", "target_actor_net", "log_value", "m", "v",
)  # fmt: skip


def learnt(case: str, directory: Path) -> str:
    """The hash of all parameters, targets, moments and memories of a short training."""
    run = directory / "run"
    assert main([*CASES[case], "--run", str(run), "--json"]) == 0
    state = checkpoint.load(sorted((run / "checkpoints").glob("step-*"))[-1])
    digest = hashlib.sha256()
    for name, array in sorted(arrays(state), key=lambda named: named[0]):
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()[:16]


def arrays(state: dict[str, Any], path: str = "") -> list[tuple[str, np.ndarray]]:
    """The arrays that learning has made, by the last of their names: a house may be rebuilt."""
    found = []
    for name, value in state.items():
        if name == "model":
            continue  # what can be used without the training: the network once more
        if isinstance(value, dict):
            found += arrays(value, name)
        elif isinstance(value, np.ndarray) and (name in VECTORS or path.endswith("_buffers")):
            found.append((name, value))
    return found


def kept(case: str) -> str | None:
    by_machine = json.loads(KEPT.read_text())
    backend = "torch" if " torch " in case else "numpy"
    hashes: dict[str, str] = by_machine.get(f"{backend} {fingerprint(backend)}", {})
    return hashes.get(case)


@pytest.mark.parametrize("case", CASES)
def test_the_same_bytes_as_ever(case: str, tmp_path: Path) -> None:
    expected = kept(case)
    if expected is None:
        pytest.skip("no hashes are kept for this machine's arithmetic")
    assert learnt(case, tmp_path) == expected


def test_another_seed_gives_another_hash(tmp_path: Path) -> None:
    """The hash can fail."""
    one = learnt("dqn double numpy 1", tmp_path / "1")
    assert one == learnt("dqn double numpy 1", tmp_path / "again")
    assert one != learnt("dqn double numpy 2", tmp_path / "2")


def test_the_hash_is_of_all_that_has_been_learnt(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for case, names in {
        "td3 numpy 1": {"net", "critic_net", "target_net", "target_actor_net", "m", "v"},
        "crossq numpy 1": {"net", "critic_net", "log_value", "m", "v", "batchrenorm0.mean"},
    }.items():
        assert main([*CASES[case], "--run", str(run / case), "--json"]) == 0
        state = checkpoint.load(sorted((run / case / "checkpoints").glob("step-*"))[-1])
        found = [name for name, _ in arrays(state)]
        assert names <= set(found), case
        assert found.count("m") == (2 if case.startswith("td3") else 3)  # of each optimizer


def record(words: list[str]) -> None:
    """Write the hash of every case, or of those that begin with a word, under this machine's
    fingerprints; what is kept of other machines stays."""
    by_machine: dict[str, dict[str, str]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    prints = {backend: fingerprint(backend) for backend in ("numpy", "torch")}
    for case in CASES:
        if words and not case.startswith(tuple(words)):
            continue
        backend = "torch" if " torch " in case else "numpy"
        with tempfile.TemporaryDirectory() as directory:
            found = learnt(case, Path(directory))
        by_machine.setdefault(f"{backend} {prints[backend]}", {})[case] = found
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(by_machine, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    record(sys.argv[1:])
