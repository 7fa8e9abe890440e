"""The benchmarks' own arithmetic, and command lines that are understood."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from drl.bench import (
    ablation,
    conv,
    digits,
    endtoend,
    envs,
    floor,
    log,
    prioritized,
    report,
    sac,
    step,
    timing,
)
from drl.bench.ablation import ENVS, PARTS, RAINBOW, Job
from drl.bench.autograd import SACStep
from drl.bench.result import Bar, Result
from drl.cli.train import parse
from drl.nn import MLP, Network
from drl.nn.layers import Linear
from drl.settings import plain
from envs.registration import IDS


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("variant", [*PARTS, RAINBOW])
def test_each_variant_differs_in_its_part_only(env: str, variant: str) -> None:
    dqn = parse("train dqn", [*ablation.flags(Job(env, "DQN", 3))])
    config = parse("train dqn", [*ablation.flags(Job(env, variant, 3))])
    assert config.flags == dqn.flags
    assert config.environment == dqn.environment and config.environment.env == env
    assert config.experiment == dqn.experiment
    assert (config.experiment.seed, config.experiment.steps) == (3, ENVS[env])
    assert (dqn.agent.bootstrap, dqn.agent.n_step, dqn.agent.head) == ("max", 1, "mean")
    settings, base = plain(config.agent), plain(dqn.agent)
    changed = {name for name in settings if settings[name] != base[name]}
    parts = {
        "DQN": set(), "Double": {"bootstrap"}, "Munchausen": {"bootstrap"}, "Dueling": {"dueling"},
        "Prioritized": {"prioritized"}, "3-step": {"n_step"}, "Noisy": {"noisy"}, "C51": {"head"},
        "QR-DQN": {"head"}, "IQN": {"head"},
        "Rainbow": {"bootstrap", "dueling", "prioritized", "n_step", "noisy", "head"},
    }  # fmt: skip
    assert changed == parts[variant]


def test_the_table_is_the_interquartile_mean() -> None:
    """Four scores: the middle two count."""
    scores = {
        Job(env, variant, seed): value
        for env in ENVS
        for variant in (*PARTS, RAINBOW)
        for seed, value in enumerate([0.0, 10.0, 20.0, 1000.0])
    }
    rows = list(ablation._rows(scores))
    assert len(rows) == 3 * 11 and {row["iqm"] for row in rows} == {15.0}
    table = ablation.markdown(rows, seeds=4)
    assert table.count("15.0 (") == 33 and "4 seeds" in table


def test_envs_are_measured() -> None:
    found = envs.measure(repeats=1, seconds=1e-4)
    *ours, slow = found.rows
    assert [row["env"] for row in ours] == list(IDS)
    assert slow["one process"] > 16_000 and slow["workers"] > 16_000 / (os.cpu_count() or 1)
    assert all(min(v for v in row.values() if not isinstance(v, str)) > 0 for row in found.rows)
    assert [bar.bar for bar in found.bars] == [10.0] * len(IDS) + [5.0] * len(IDS)


def test_sac_steps_beside_autograd_are_of_the_same_networks() -> None:
    """And both fit: to rewards alone, γ = 0, Q comes nearer."""
    found = sac.measure(repeats=1, seconds=1e-4)
    assert [row["hidden, batch"] for row in found.rows] == ["64-64, 100", "256-256, 256"]
    assert all(min(v for v in row.values() if not isinstance(v, str)) > 0 for row in found.rows)
    ours = sac.our_step((8, 8), 16)
    theirs = SACStep(sac.memory(), (8, 8), 16, gamma=0.0, tau=0.005, lr=1e-2)
    assert ours.net.size == sum(p.numel() for p in theirs.policy.parameters())
    assert ours.critic_net.size == sum(p.numel() for p in theirs.critics.parameters())

    def error() -> float:
        with torch.no_grad():
            q = theirs.both(theirs.critics, theirs.s, theirs.a)
        return float(((q - theirs.r[:, None]) ** 2).mean())

    before, alpha = error(), theirs.log_alpha.item()
    for _ in range(100):
        theirs()
    assert error() < before and theirs.log_alpha.item() != alpha


def test_the_cost_of_logging_is_of_pairs_with_one_seed() -> None:
    """By hand: +10 %, +50 %, +20 %: the middle one, though the medians of both are 3 and 3.3."""
    found = [
        {"none": (3.0, 0.0), "full": (3.3, 1.0)},
        {"none": (2.0, 0.0), "full": (3.0, 2.0)},
        {"none": (5.0, 0.0), "full": (6.0, 3.0)},
    ]
    result = log.row("short", "full", found)
    assert result["slower"] == pytest.approx(0.2)
    assert (result["CPU s"], result["events, MB"]) == (3.3, 2.0)


def test_a_run_is_measured_at_each_level() -> None:
    short = ("--steps", "300", "--solved-at", "None")
    found = log.one_of_each(1, short)
    assert list(found) == ["none", "minimal", "full"]
    assert all(seconds > 0 for seconds, _ in found.values())
    sizes = [megabytes for _, megabytes in found.values()]
    assert sizes[0] == 0 < sizes[1] < sizes[2]


def test_a_ratio_is_the_median_over_pairs() -> None:
    """By hand: 4, 2, 3; the medians' ratio would be 8/4 = 2."""
    assert timing.ratio([4.0, 8.0, 30.0], [1.0, 4.0, 10.0]) == 3.0


def test_contenders_take_turns() -> None:
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = timing.interleaved(calls, repeats=3, seconds=0)
    assert "".join(order) == "ab" + "ab" * 3
    assert [len(times[name]) for name in "ab"] == [3, 3]


def test_operations_are_counted() -> None:
    """3-5-2, batch 7: 2·7·(15 + 10) forward; twice that backward, without ∂L/∂x of the first."""
    net = MLP(3, 2, (5,))
    assert floor.forward_operations(net, 7) == 350
    assert floor.backward_operations(net, 7) == 700 - 210


def test_shared_weights_count_at_each_position() -> None:
    """MinAtar's front: 16 filters of 3×3×6 at 8×8 positions, then 1024-128-6."""
    net = MLP((10, 10, 6), 6, (128,), conv="minatar")
    front, dense = 64 * 3 * 3 * 6 * 16, 1024 * 128 + 128 * 6
    assert floor.forward_operations(net, 32) == 2 * 32 * (front + dense)
    assert floor.backward_operations(net, 32) == 2 * 32 * (front + 2 * dense)


def test_the_floor_is_at_the_products_rate() -> None:
    """1,000 operations in 2 s: 500 of them need 1 s."""
    assert floor.Product(lambda: None, 1000).floor(500, 2.0) == 1.0


def test_bars_say_met_or_missed() -> None:
    assert str(Bar("speed", 3.0, 2.5)) == "speed: 3.00 (≥ 2.5, met)"
    assert str(Bar("speed", 2.4, 2.5)) == "speed: 2.40 (≥ 2.5, missed)"
    assert Bar("share", 0.6, 0.6, at_least=False).met
    assert not Bar("share", 0.61, 0.6, at_least=False).met


def test_a_result_as_text_markdown_and_json() -> None:
    rows = [{"net": "a", "ours": 1.234, "peer": None}]
    result = Result("b", "µs.", rows, [Bar("peer / ours", 2.0, 3.0)], ["peer: not here"])
    assert Result.from_json(result.json()) == result
    assert result.json()["bars"][0]["met"] is False
    assert "| a | 1.23 | – |" in result.markdown()
    assert result.text().splitlines()[-2:] == ["peer / ours: 2.00 (≥ 3, missed)", "peer: not here"]


def test_the_step_is_measured() -> None:
    result = step.measure(repeats=1, seconds=1e-4, compiling=False)
    assert len(result.rows) == 4 and len(result.bars) == 5
    for row in result.rows:
        assert row["compiled"] is None
        assert row["autograd / ours"] == pytest.approx(row["autograd"] / row["ours"])
        assert row["ours / floor"] == pytest.approx(row["ours"] / row["floor"])
    assert "torch.compile: not here" in result.notes[0]


def test_both_learn_the_same_step() -> None:
    """What is timed is the same work: from one θ, on the same batches, to the same θ and θ⁻."""
    torch.manual_seed(0)
    ours, peer = step.our_step((8,), 16, "numpy"), step.autograd_step((8,), 16)
    copy_from(ours.net, peer.net)
    copy_from(ours.target_net, peer.target_net)
    for _ in range(5):
        batch = ours.replay.sample()
        parts = (batch.s, batch.a.astype(np.int64), batch.r, batch.discount, batch.s_next)
        peer.sample = lambda parts=parts: tuple(torch.tensor(part) for part in parts)
        peer()
        ours.learn_from(batch)
    for net, theirs in ((ours.net, peer.net), (ours.target_net, peer.target_net)):
        before = net.params.copy()
        copy_from(net, theirs)
        np.testing.assert_allclose(before, net.params, atol=1e-6)


def copy_from(net: Network, theirs: torch.nn.Module) -> None:
    linear = [layer for layer in net.layers if isinstance(layer, Linear)]
    params = [value.detach().numpy() for value in theirs.parameters()]
    for layer, weight, bias in zip(linear, params[::2], params[1::2], strict=True):
        layer.W[:], layer.b[:] = weight.T, bias


def test_an_epoch_is_measured_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "scikit_epoch", lambda data, hidden: None)
    result = digits.measure(repeats=1, images=256, compiling=False)
    assert [row["net"] for row in result.rows] == ["784-128-10", "784-512-512-10"]
    assert all(row["scikit-learn"] is None and row["autograd / ours"] > 0 for row in result.rows)
    assert result.notes[-1].startswith("scikit-learn: not here")
    assert [bar.bar for bar in result.bars] == [1.8, 1.25]


@pytest.mark.skipif(not importlib.util.find_spec("sklearn"), reason="scikit-learn is not here")
def test_scikit_learn_learns_the_same_net() -> None:
    epoch = digits.scikit_epoch(digits.made_up(256), (128,))
    assert epoch is not None
    epoch()


def test_convolutions_are_measured() -> None:
    result = conv.measure(repeats=1, seconds=1e-4, nets=[conv.NETS[1]])
    row = result.rows[0]
    assert row["better / ours"] == pytest.approx(min(row["NCHW"], row["NHWC"]) / row["ours"])
    assert len(result.rows) == 2 and len(result.bars) == 1


def test_priorities_are_measured() -> None:
    (row,) = prioritized.measure(repeats=1, seconds=1e-4, stored=2000).rows
    assert row["share"] == pytest.approx(row["sample + update"] / row["the step it feeds"])


def test_a_training_is_measured_beside_its_step() -> None:
    (row,) = endtoend.measure(repeats=1, steps=640).rows
    assert row["share"] == pytest.approx(row["training, updates/s"] / row["bare step, updates/s"])


def test_the_page_is_made_anew_between_its_marks() -> None:
    page = report.put("# Results\n\nby hand\n", "first")
    assert page == f"# Results\n\nby hand\n\n{report.BEGIN}\nfirst\n{report.END}\n"
    page += "below\n"
    assert report.put(page, "second") == page.replace("first", "second")


def test_headroom() -> None:
    """Asked for 4, got 6: 1.5; at most 0.6, got 1.2: 0.5."""
    assert report.headroom(Bar("", 6.0, 4.0)) == 1.5
    assert report.headroom(Bar("", 1.2, 0.6, at_least=False)) == 0.5


def test_all_goes_on_where_one_fails(tmp_path: Path) -> None:
    found = report.measure(tmp_path, True, ("envs", "nonsense", "prioritized"), ("--repeats", "1"))
    assert found["failed"] == ["nonsense"]
    assert [result["bench"] for result in found["results"]] == ["envs", "prioritized"]
    page = (tmp_path / "RESULTS.md").read_text()
    assert "### envs" in page and "### prioritized" in page and "Failed: nonsense." in page
    assert (tmp_path / "figures.json").stat().st_size > 0
