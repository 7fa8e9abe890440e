"""What a DQN run shows in TensorBoard, read back from its events."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trained import latest, read

from agents.dqn.charts import CHARTS
from agents.video import FRAMES
from drl.cli.main import main
from drl.experiment.curves import due
from drl.log.layout import Prefix

SHORT = [
    "--steps", "1200", "--solved-at", "None", "--log-every", "100", "--eval-every", "100",
    "--learning-starts", "100", "--num-envs", "4", "--eval-episodes", "4", "--json",
]  # fmt: skip


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> EventAccumulator:
    run = tmp_path_factory.mktemp("log") / "run"
    assert main(["train", "dqn", "--run", str(run), *SHORT]) == 0
    return read(run)


def steps(points: Any) -> list[int]:
    return [p.step for p in points]


def test_names(events: EventAccumulator) -> None:
    tags = events.Tags()
    assert {
        "rollout/ep_rew_mean", "rollout/ep_rew_min", "rollout/ep_rew_max", "rollout/ep_len_mean",
        "rollout/exploration_rate", "eval/mean_reward", "eval/min_reward", "eval/max_reward",
        "eval/q_estimated", "eval/q_realised", "time/fps", "train/loss", "train/learning_rate",
        "train/q_mean", "train/q_max", "train/action_gap", "train/grad_norm",
        "train/td_error_abs", "train/update_ratio/linear0", "train/update_ratio/linear1",
        "train/update_ratio/linear2", "train/dead_relu/relu0", "train/dead_relu/relu1",
        "replay/terminal_fraction", "replay/age_mean", "replay/size",
        "final/best_mean_reward", "final/env_steps",
    } <= set(tags["scalars"])  # fmt: skip
    assert set(tags["histograms"]) == {
        "weights/linear0", "weights/linear1", "weights/linear2", "gradients/linear0",
        "gradients/linear1", "gradients/linear2", "train/td_error", "q/action_0", "q/action_1",
        "rollout/action",
    }  # fmt: skip
    assert set(tags["images"]) == {
        "episode/1_start", "episode/2_middle", "episode/3_end", "first_layer/weights",
        "policy/value", "policy/greedy_action",
    }  # fmt: skip
    assert {"command", "config", "versions", "network", "episodes"} <= set(tags["tensors"])


def test_every_curve_of_the_layout_is_there(events: EventAccumulator) -> None:
    """A name that is written nowhere would be an empty chart."""
    there = events.Tags()["scalars"]
    for charts in CHARTS.values():
        for tags in charts.values():
            for tag in tags:
                found = (
                    [t for t in there if t.startswith(tag)] if isinstance(tag, Prefix) else [tag]
                )
                assert found and set(found) <= set(there), tag
                assert all(len(events.Scalars(t)) > 5 for t in found), tag


def test_what_the_numbers_say(events: EventAccumulator) -> None:
    """Each within what it can be, and not one value all along."""

    def values(tag: str) -> np.ndarray:
        return np.array([e.value for e in events.Scalars(tag)])

    for layer in ("linear0", "linear1", "linear2"):
        ratio = values(f"train/update_ratio/{layer}")
        assert (ratio > 0).all() and (ratio < 0.1).all() and np.ptp(ratio) > 0
    for layer in ("relu0", "relu1"):
        share = values(f"train/dead_relu/{layer}")
        assert ((share >= 0) & (share <= 1)).all()
    age, size = values("replay/age_mean"), values("replay/size")
    assert (np.diff(age) > 0).all() and age[-1] == pytest.approx(size[-1] / 2, rel=0.05)
    assert (values("train/q_max") >= values("train/q_mean")).all()


def test_no_tag_is_of_two_kinds(events: EventAccumulator) -> None:
    """TensorBoard shows nothing of the second kind, and does not say so."""
    kinds = ("scalars", "histograms", "images", "tensors")
    tags = [tag for kind in kinds for tag in events.Tags()[kind]]
    assert len(tags) == len(set(tags))


def test_margins_hold_their_mean(events: EventAccumulator) -> None:
    for low, mean, high in (
        ("eval/min_reward", "eval/mean_reward", "eval/max_reward"),
        ("rollout/ep_rew_min", "rollout/ep_rew_mean", "rollout/ep_rew_max"),
    ):
        values = np.array([[e.value for e in events.Scalars(tag)] for tag in (low, mean, high)])
        assert (np.diff(values, axis=0) >= 0).all() and values[2].max() > values[0].min()


def test_what_is_earned_without_discount_is_bounded_by_the_return(events: EventAccumulator) -> None:
    """Rewards are 1: Σ γᵗ is below the return, and near it while episodes are short."""
    returns = {e.step: e.value for e in events.Scalars("eval/mean_reward")}
    first = events.Scalars("eval/q_realised")[0]
    assert 0.8 * returns[first.step] < first.value < returns[first.step]


def test_pictures_are_few_and_early(events: EventAccumulator) -> None:
    maps = steps(events.Images("policy/value"))
    assert maps == [0, 100, 200, 400, 800, 1200] == steps(events.Images("policy/greedy_action"))
    videos = [events.Images(f"episode/{k}") for k in ("1_start", "2_middle", "3_end")]
    assert [steps(video) for video in videos] == [[0], [600], [1200]]
    for (event,) in videos:
        assert event.encoded_image_string.startswith(b"GIF8")
        moving = Image.open(io.BytesIO(event.encoded_image_string))
        assert 1 < moving.n_frames <= FRAMES


def test_results_are_those_of_the_summary(events: EventAccumulator) -> None:
    summary = json.loads((Path(events.path) / "summary.json").read_text())
    (best,) = events.Scalars("final/best_mean_reward")
    assert best.value == pytest.approx(summary["best_mean_reward"])


def test_a_run_that_goes_on_has_one_result(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    assert main(["train", "dqn", "--run", run, *SHORT]) == 0
    assert main(["resume", run, "--steps", "1400", "--json"]) == 0
    (result,) = read(tmp_path / "run").Scalars("final/env_steps")
    assert result.value == 1400
    values = read(tmp_path / "run").Scalars("eval/mean_reward")
    assert steps(values) == list(range(100, 1500, 100))


def test_minimal_has_curves_and_no_pictures(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["train", "dqn", "--run", str(run), *SHORT, "--log", "minimal"]) == 0
    tags = read(run).Tags()
    assert not tags["images"] and not tags["histograms"]
    assert {"eval/mean_reward", "rollout/ep_rew_mean", "final/env_steps"} <= set(tags["scalars"])


def test_logging_does_not_change_what_is_learnt(tmp_path: Path) -> None:
    last = []
    for log in ("full", "none"):
        run = tmp_path / log
        args = ["--head", "iqn", "--noisy", "--log", log]  # noise, and random fractions
        small = ["--steps", "300", "--hidden", "8", "--log-every", "50"]
        assert main(["train", "dqn", "--run", str(run), *SHORT, *small, *args]) == 0
        last.append(latest(run)["task"]["agent"]["net"])
    assert np.array_equal(*last)


def test_due_is_early_then_even() -> None:
    assert [n for n in range(1, 101) if due(n, 100)] == sorted(
        {1, 2, 4, 8, 16, 32, 64} | set(range(4, 101, 4))
    )
    assert all(due(n, 20) for n in range(1, 21))  # a short run: all of them


def test_environments_that_cannot_be_drawn_stop_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["train", "dqn", "--env", "drl/Chain-v0", "--run", str(run), *SHORT]) == 0
    events = read(run)
    assert not any(tag.startswith("episode/") for tag in events.Tags()["images"])
    (said,) = events.Tensors("warnings")  # once
    assert b"no video" in said.tensor_proto.string_val[0]
