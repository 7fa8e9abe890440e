"""What was probably meant by a name that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterable

ALIKE = 0.6  # of difflib's ratio: "spo" is ppo, "learning-rate" is not learning-starts
# the same settings in Stable-Baselines3 and CleanRL → ours
ELSEWHERE = {
    "learningrate": "lr", "totaltimesteps": "steps", "timesteps": "steps", "nenvs": "numenvs",
    "envid": "env", "netarch": "hidden", "targetupdateinterval": "targetperiod",
    "explorationfraction": "epsilonfraction", "explorationinitialeps": "epsilonstart",
    "explorationfinaleps": "epsilonend", "policyfrequency": "policydelay", "numsteps": "nsteps",
    "updateepochs": "nepochs",
}  # fmt: skip


def plain(name: str) -> str:
    """Its letters and digits, small: CartPole and cart-pole are the same."""
    return re.sub(r"[\W_]+", "", name).lower()


def likeness(one: str, other: str) -> float:
    """0 … 1 of two plain names; 1: they are the same."""
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio()


def nearest(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The names among those known that are most like this one, the likest first; [] where none is
    like it.  One that differs in no letter is alone."""
    word, names = plain(name), {other: plain(other) for other in known}
    same = {word, ELSEWHERE.get(word, word)}
    if found := [other for other, its in names.items() if its in same]:
        return found[:most]
    alike = {other: likeness(word, its) for other, its in names.items()}
    ranked = sorted(names, key=lambda other: -alike[other])
    return [other for other in ranked if alike[other] >= ALIKE][:most]


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """For the end of a sentence: " (did you mean --batch-size?)", or nothing."""
    return asked(nearest(name, known, most))


def asked(names: list[str]) -> str:
    """Whether one of these was meant; nothing where there are none."""
    return f" (did you mean {listed(names)}?)" if names else ""


def listed(names: list[str], last: str = "or") -> str:
    """a, b or c."""
    *most, end = names
    return f"{', '.join(most)} {last} {end}" if most else end
