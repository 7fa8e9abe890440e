"""The benchmarks' own arithmetic, and command lines that are understood."""

import pytest

from drl.cli import bench_ablation as ablation
from drl.cli import bench_envs, bench_log, train_dqn
from drl.cli.bench_ablation import PARTS, RAINBOW, WORLDS, Job


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("variant", [*PARTS, RAINBOW])
def test_each_variant_differs_in_its_part_only(world: str, variant: str) -> None:
    plain = train_dqn.parse([*ablation.flags(Job(world, "DQN", 3))])
    config = train_dqn.parse([*ablation.flags(Job(world, variant, 3))])
    assert config.env == world and config.seed == 3 and config.dqn.steps == WORLDS[world]
    assert (plain.dqn.bootstrap, plain.dqn.n_step, plain.dqn.head) == ("max", 1, "mean")
    settings, base = config.settings(), plain.settings()
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
        Job(world, variant, seed): value
        for world in WORLDS
        for variant in (*PARTS, RAINBOW)
        for seed, value in enumerate([0.0, 10.0, 20.0, 1000.0])
    }
    rows = list(ablation._rows(scores))
    assert len(rows) == 3 * 11 and {row["iqm"] for row in rows} == {15.0}
    table = ablation.markdown(rows, seeds=4)
    assert table.count("15.0 (") == 33 and "4 seeds" in table


def test_worlds_are_measured() -> None:
    result = bench_envs.measure(repeats=1, quiet=True)
    assert len(result["rows"]) == 4
    assert all(min(row["us"].values()) > 0 and row["ratio"] > 0 for row in result["rows"])


def test_the_cost_of_logging_is_of_pairs_with_one_seed() -> None:
    """By hand: +10 %, +50 %, +20 %: the middle one, though the medians of both are 3 and 3.3."""
    found = [
        {"none": (3.0, 0.0), "full": (3.3, 1.0)},
        {"none": (2.0, 0.0), "full": (3.0, 2.0)},
        {"none": (5.0, 0.0), "full": (6.0, 3.0)},
    ]
    result = bench_log.row("short", "full", found)
    assert result["slowdown"] == pytest.approx(0.2)
    assert (result["seconds"], result["mb"]) == (3.3, 2.0)


def test_a_run_is_measured_at_each_level() -> None:
    short = ("--steps", "300", "--solved-at", "None")
    found = bench_log.one_of_each(1, short)
    assert list(found) == ["none", "minimal", "full"]
    assert all(seconds > 0 for seconds, _ in found.values())
    sizes = [megabytes for _, megabytes in found.values()]
    assert sizes[0] == 0 < sizes[1] < sizes[2]
