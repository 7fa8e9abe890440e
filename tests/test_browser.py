"""Each tab of the board in a real browser: what was written is what a person sees.

With DRL_SCREENSHOTS=<directory> the images are kept.
"""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from chromium import PROGRAM, Chromium
from PIL import Image

from agents.dqn.charts import CHARTS
from agents.heatmap import BOTTOM, LEFT, RIGHT, SIDE, TOP
from drl.cli.board import alone
from drl.cli.main import main
from drl.experiment.curves import TELLING
from drl.supervised import task as supervised
from drl.tables import RL

# CI has installed it, or said why it could not
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")

SEEDS = (2, 3)
SHORT = ["--steps", "3000", "--solved-at", "None", "--eval-every", "250", "--json"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CartPole of two seeds, both together, and digits."""
    home = tmp_path_factory.mktemp("board") / "runs"
    for seed in SEEDS:  # each as a user would, so that the command is one
        run = str(home / f"cartpole-{seed}")
        command = ["train", "dqn", "--seed", str(seed), "--run", run, *SHORT]
        subprocess.run([sys.executable, "-m", "drl.cli.main", *command], check=True)
    assert main(["compare", str(home), "--tensorboard", str(home), "--json"]) == 0
    digits = ["--model", "conv", "--epochs", "5", "--run", str(home / "digits"), "--json"]
    assert main(["train", "digits", *digits]) == 0
    return home


@pytest.fixture(scope="module")
def address(runs: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "drl.cli.main", "board", str(runs), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None and str(port) in board.stdout.readline()
        yield f"http://127.0.0.1:{port}/"
        board.terminate()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture
def tab(browser: Chromium, address: str) -> Iterator[Callable[..., Chromium]]:
    """tab(name, *words): opened and unfolded; all the words are there.  tags: a pattern for the
    Time Series tab, which has its own way to fold."""
    opened = []

    def open_(name: str, *words: str, tags: str = "") -> Chromium:
        browser.open(f"{address}?darkMode=false&tagFilter={tags}#{name}")
        opened.append(name)
        for word in words:
            seen = partial(unfolded, browser, word)
            browser.wait(f"{word} in {name}", seen)
        return browser

    yield open_
    if "DRL_SCREENSHOTS" in os.environ:
        Image.fromarray(browser.see()).save(f"{os.environ['DRL_SCREENSHOTS']}/{opened[-1]}.png")


def unfolded(browser: Chromium, word: str) -> bool:
    """Whether the word is there; TensorBoard folds up all but the first categories."""
    browser.elements("e.matches('button.heading:not([open-button])') ? e.click() : null")
    return word in browser.text()


def get(address: str) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=20) as answer:
        content: bytes = answer.read()
        return content


def curves(browser: Chromium) -> list[str]:
    """The lines drawn, as SVG paths of more than ten points."""
    drawn = "e.tagName == 'path' && e.getBoundingClientRect().width > 20 ? "
    paths = browser.elements(f"{drawn}e.getAttribute('d') : null")
    return [path for path in paths if len(re.findall(r"[LC,]", path)) > 10]


def colourful(browser: Chromium) -> int:
    """Pixels that are neither grey nor TensorBoard's own orange, right of the side bar."""
    page = browser.see()[150:, 370:].astype(int)
    return int((np.ptp(page, axis=2) > 25).sum())


def test_the_runs_are_ours_and_no_more(runs: Path, address: str) -> None:
    names = {"cartpole-2", "cartpole-3", "digits", "aggregate-CartPole-v1-dqn"}
    assert set(json.loads(get(f"{address}data/runs"))) == names


def test_scalars(tab: Callable[..., Chromium]) -> None:
    page = tab("scalars", "eval/mean_reward", "eval/q_realised")
    page.wait("curves", lambda: len(curves(page)) >= 6)
    assert page.wait("colour", lambda: colourful(page) > 500)


def in_order(titles: list[str], text: str) -> bool:
    """Whether the lines are there, one after the other."""
    lines = iter(text.splitlines())
    return all(title in lines for title in titles)


def test_custom_scalars_tell_the_story(tab: Callable[..., Chromium]) -> None:
    page = tab("custom_scalars", "return: in training, and greedy", "dead ReLUs by layer")
    text = page.text()
    story = [title for category, charts in CHARTS.items() for title in (category, *charts)]
    seeds = [f"{tag}: IQM and its 95 % interval" for tag in (RL.curve, *RL.beside)]
    digits = [title for category, charts in supervised.CHARTS.items() for title in charts]
    for titles in (story, ["over seeds, by env steps", *seeds], digits):
        assert in_order(titles, text), titles
    page.wait("curves", lambda: len(curves(page)) >= 10)
    band = "e.tagName == 'path' && e.classList.contains('area') ? e.getAttribute('d') : null"
    # over seeds, greedy and exploring: each with a band around a line
    page.wait("bands", lambda: sum(len(d) > 50 for d in page.elements(band)) >= 4)
    assert page.wait("colour", lambda: colourful(page) > 2_000)


def test_an_agent_alone(runs: Path, browser: Chromium, address: str) -> None:
    """By the address that the board tells: its own runs, and no curve of the others."""
    pattern = alone(runs)["dqn"]
    assert not re.match(pattern, "digits")
    browser.open(f"{address}?darkMode=false#custom_scalars&regexInput={quote(pattern)}")
    browser.wait("the runs", lambda: "cartpole-3" in browser.text().split())
    browser.wait("curves", lambda: len(curves(browser)) >= 4)
    assert "digits" not in browser.text().split("Toggle All Runs")[0].split()


def test_time_series(tab: Callable[..., Chromium]) -> None:
    """Every kind of card, drawn: a video, the curves of the runs, a histogram."""
    names = ("/3_end", "/mean_reward", "/action_1")
    page = tab("timeseries", *names, tags="3_end|eval/mean_reward|action_1")
    for card in ("image-card", "scalar-card", "histogram-card"):
        page.wait(f"colour in {card}", partial(card_is_drawn, page, card))


def card_is_drawn(page: Chromium, card: str) -> bool:
    """Whether the first such card, rolled into view, has colours below its title."""
    place = page.elements(
        f"e.localName == '{card}' && (e.scrollIntoView({{block: 'center'}}), "
        "(r => [r.left, r.top, r.right, r.bottom].map(Math.round))(e.getBoundingClientRect()))"
        " || null"
    )
    if not place:
        return False
    left, top, right, bottom = place[0]
    seen = page.see()[top + 60 : bottom, left:right].astype(int)
    return int((np.ptp(seen, axis=2) > 25).sum()) > 150


def images(page: Chromium) -> dict[tuple[int, int], str]:
    """Size (width, height) → address of the images that have been drawn."""
    shown = page.elements("e.tagName == 'IMG' && e.naturalWidth > 0 ? "
                          "[e.naturalWidth, e.naturalHeight, e.src] : null")  # fmt: skip
    return {(width, height): source for width, height, source in shown}


def test_images(tab: Callable[..., Chromium]) -> None:
    page = tab("images", "episode/3_end", "policy/greedy_action", "report/worst_mistakes")
    heat, video = (LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM), (200, 100)
    seen = page.wait("video", lambda: (found := images(page)).get(video) and found)
    assert get(seen[video]).startswith(b"GIF8")  # an img element plays it
    for name in ("policy", "report", "feature_maps", "first_layer"):
        # an image is fetched when it comes into view
        page.elements(f"e.textContent.includes('tag: {name}') ? e.scrollIntoView() : null")
    page.run("1")
    tags = {line for line in page.text().splitlines() if "/" in line}
    assert {"policy/value", "first_layer/weights", "first_layer/filters", "feature_maps/relu0",
            "report/confusion_matrix"} <= tags  # fmt: skip
    page.wait("heat map", lambda: images(page).get(heat))
    page.wait("several", lambda: len(images(page)) >= 6)
    assert colourful(page) > 500


@pytest.mark.parametrize("name", ["histograms", "distributions"])
def test_histograms(name: str, tab: Callable[..., Chromium]) -> None:
    page = tab(name, "gradients/linear0", "q/action_1", "train/td_error", "weights/linear0")
    page.wait("shapes", lambda: len(curves(page)) >= 6)
    assert page.wait("colour", lambda: colourful(page) > 2_000)


def table(page: Chromium) -> list[dict[str, str]]:
    """The rows of the HParams tab, by the names of its columns."""
    # the grid keeps cells that it does not show, at the place 0, 0
    shown = page.elements(
        "e.localName == 'vaadin-grid-cell-content' && e.assignedSlot && e.getClientRects().length"
        " ? [e.assignedSlot.closest('tr').getBoundingClientRect().top,"
        " e.getBoundingClientRect().left, e.innerText.trim()] : null"
    )
    rows: dict[float, dict[float, str]] = {}
    for top, left, text in shown:
        rows.setdefault(top, {})[left] = text
    head, *body = (rows[top] for top in sorted(rows)) if rows else ({},)
    return [{head[left]: text for left, text in row.items() if left in head} for row in body]


def test_hparams_show_settings_and_results(runs: Path, tab: Callable[..., Chromium]) -> None:
    """Settings first that tell runs apart, and no value blank that a run has.

    (Known trouble elsewhere: blank values, an extra run.)
    """
    page = tab("hparams", "Trial ID", "cartpole-2", "final/best_mean_reward", "test/accuracy")
    page.wait("a row for each run", lambda: sum("seed" in row for row in table(page)) == 3)
    page.wait("results", lambda: any(row.get("test/accuracy") for row in table(page)))
    rows = {row["Trial ID"]: row for row in table(page)}
    assert set(rows) == {"cartpole-2", "cartpole-3", "digits"}
    for name, row in rows.items():
        config = json.loads((runs / name / "config.json").read_text())["settings"]
        summary = json.loads((runs / name / "summary.json").read_text())
        for setting in TELLING:
            expected = config.get(setting, "")
            assert same(row[setting], expected), (name, setting, row[setting], expected)
        results = {
            "final/best_mean_reward": summary.get("best_mean_reward", ""),
            "final/env_steps": summary.get("env_steps", ""),
            "test/accuracy": summary.get("test_accuracy", ""),
        }
        for metric, expected in results.items():
            assert same(row[metric], expected), (name, metric, row[metric], expected)
        assert (row["eval/mean_reward"] != "") == (row["time/fps"] != "") == (name != "digits")


def same(shown: str, value: float | str) -> bool:
    """TensorBoard shows five digits of a number."""
    if isinstance(value, str):
        return shown == value
    return shown != "" and float(shown) == pytest.approx(value, rel=1e-4)


def test_text(runs: Path, tab: Callable[..., Chromium]) -> None:
    import numpy

    page = tab("text", f'"numpy": "{numpy.__version__}"', "relu0", '"gamma": 0.995')
    command = f"drl train dqn --seed 2 --run {runs / 'cartpole-2'} --steps 3000 --solved-at None"
    assert command in page.text()
    assert "return" in page.text() and "agent steps" in page.text()  # of the videos


def test_pr_curves(tab: Callable[..., Chromium]) -> None:
    page = tab("pr_curves", "digit_0", "digit_1")
    lines: list[Any] = page.wait("curves", lambda: curves(page))
    assert lines and page.wait("colour", lambda: colourful(page) > 100)
