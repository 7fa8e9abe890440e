"""What an exported file says of the observations that it takes, and the code that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENCODED = """\
def encoded(about, observation):  # one observation of the environment → x (1, *shape) float32
    values = []
    for part in about["parts"]:
        value = observation
        for key in part["path"]:  # into Dicts and Tuples
            value = value[key]
        value = np.asarray(value)
        if part["kind"] == "one-hot":
            places = value.ravel() - part["first"]
            value = np.hstack([np.eye(n)[i] for n, i in zip(part["counts"], places)])
        elif part["kind"] == "picture" and part["axes"]:
            value = value.transpose(part["axes"])
        values.append(value.ravel())
    return np.hstack(values).astype(np.float32).reshape(1, *about["shape"])
"""


def is_encoded(about: Mapping[str, Any]) -> bool:
    """Whether something is done to an observation before it is the network's input."""
    return bool(about.get("observation", {}).get("words"))


def input_words(about: Mapping[str, Any]) -> str:
    """What the network's input is, in a sentence; "" where nothing tells."""
    if is_encoded(about):
        return f"An observation of the environment as a vector: {about['observation']['words']}"
    return "An observation of the environment" if "observation" in about else ""
