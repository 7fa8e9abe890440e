"""A directory that holds runs of several agents is read in TensorBoard as one of one agent is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import drl
from agents.row import find_row
from drl.experiment.results import curves
from drl.log.layout import Layout, Margin, Prefix
from drl.log.tensorboard.writer import TensorBoard
from drl.supervised.task import CHARTS as DIGITS
from drl.tables import AGENTS

OFF = {"learning_starts": 64, "batch_size": 16, "buffer_size": 400}
ON: dict[str, Any] = {"n_steps": 16, "activation": "relu"}
HOW: dict[str, tuple[str, dict[str, Any]]] = {
    "dqn": ("drl/Catch-v0", OFF),
    "pqn": ("drl/Catch-v0", {"n_steps": 16}),
    "ppo": ("drl/Pendulum-v1", ON | {"batch_size": 32}),
    "a2c": ("drl/Pendulum-v1", ON),
    **dict.fromkeys(("sac", "td3", "tqc", "crossq"), ("drl/Pendulum-v1", OFF)),
}
LAYOUTS: dict[str, Layout] = {name: find_row(name).charts for name in AGENTS} | {"digits": DIGITS}


@pytest.fixture(scope="module")
def tags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The curves of a run of each agent."""
    home, found = tmp_path_factory.mktemp("charts"), {}
    for name, (env, settings) in HOW.items():
        drl.train(
            name, env, run=home / name, steps=900, num_envs=4, hidden=(8,), eval_every=300,
            eval_episodes=2, eval_max_steps=200, log_to=("csv",), log_every=50,
            progress=False, **settings,
        )  # fmt: skip
        found[name] = set(curves(home / name))
    drl.train("digits", model="logistic", epochs=1, run=home / "digits", progress=False)
    return found | {"digits": set(curves(home / "digits"))}


def drawn(chart: Any, tags: set[str]) -> set[str]:
    """What the chart shows of a run."""
    named = {tag for tag in chart if not isinstance(tag, Prefix)}
    begun = tuple(tag for tag in chart if isinstance(tag, Prefix))
    return {tag for tag in tags if tag in named or (begun and tag.startswith(begun))}


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_chart_of_a_run_is_empty(name: str, tags: dict[str, set[str]]) -> None:
    for category, charts in LAYOUTS[name].items():
        for title, chart in charts.items():
            assert drawn(chart, tags[name]), (category, title)


def test_a_category_is_the_same_wherever_it_is() -> None:
    seen: dict[str, Any] = {}
    for layout in LAYOUTS.values():
        for title, charts in layout.items():
            assert seen.setdefault(title, charts) == charts, title


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_category_shows_no_agent_that_has_it_not(name: str, tags: dict[str, set[str]]) -> None:
    """The losses of another agent are not below this one's."""
    for other in LAYOUTS.keys() - {name}:
        for title in LAYOUTS[name].keys() - LAYOUTS[other].keys():
            for chart in LAYOUTS[name][title].values():
                assert not drawn(chart, tags[other]), (title, other)


@pytest.mark.filterwarnings("ignore:html5lib")
def test_tensorboard_shows_each_category_once_and_whole(tmp_path: Path) -> None:
    """Merged by itself, whichever run comes first."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin

    for name, layout in LAYOUTS.items():
        out = TensorBoard(tmp_path / name)
        out.layout(layout)
        out.close()
    runs = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(tmp_path))
    plugin = CustomScalarsPlugin(TBContext(data_provider=provider, logdir=str(tmp_path)))
    merged = json.loads(plugin.layout_impl(RequestContext(), str(tmp_path)))["category"]
    shown = {category["title"]: [c["title"] for c in category["chart"]] for category in merged}
    assert len(shown) == len(merged)
    whole = {title: charts for layout in LAYOUTS.values() for title, charts in layout.items()}
    assert shown.keys() == whole.keys()
    for title, charts in whole.items():
        assert sorted(shown[title]) == sorted(charts), title
    bands = {title for charts in whole.values() for title, c in charts.items()
             if isinstance(c, Margin)}  # fmt: skip
    assert len(bands) == 2  # of the returns, once for all agents
