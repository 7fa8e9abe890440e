"""A digits run from settings to summary: training, curves, checkpoints, the result."""

from __future__ import annotations

import time
from typing import Any, Self

import numpy as np

from drl.cli.digits_log import DigitsLog
from drl.display.commands import command
from drl.display.console import Console
from drl.experiment.interrupt import Interrupt
from drl.experiment.run import Run
from drl.experiment.stopped import stopped_in_one_line
from drl.log.writers import see_curves, writers_of
from drl.state import fitting, number
from drl.supervised.data import Dataset, load
from drl.supervised.presets import Preset
from drl.supervised.report import accuracy
from drl.supervised.training import Report, Training, cross_entropy, probabilities


class DigitsJob:
    """One run.  `state` is all that its future depends on; resuming is loading it and going on."""

    def __init__(self, settings: dict[str, Any], data: Dataset) -> None:
        self.settings, self.data = settings, data
        self.preset = Preset.from_settings(settings)
        self.training = Training(
            data, self.preset, settings["seed"],
            settings["backend"], settings["dtype"], settings["device"],
        )  # fmt: skip
        self.seconds = 0.0  # of training, over all its sessions
        self.train_loss = self.train_accuracy = 0.0  # at the last report

    @classmethod
    def fresh(cls, run: Run) -> Self:
        """The job of a run, as it was at its start."""
        from drl.cli.train_digits import check_settings

        settings = run.config
        check_settings(settings)
        return cls(settings, load(settings["data"], settings["data_dir"], settings["seed"]))

    @classmethod
    def of(cls, run: Run) -> Self:
        """The job of a run, with the state of its last checkpoint."""
        job = cls.fresh(run)
        job.load_state(run.load_latest())
        return job

    def go(self, run: Run, console: Console, resumed: bool = False) -> dict[str, Any]:
        """Train to the preset's end or until interrupted; always ends with a checkpoint.

        The last parameters are the result.  There is no best of several: only the test images
        could choose it, and then they would no longer test it.
        """
        lower = f"train anew with --lr below {self.preset.lr:g}"
        with (
            DigitsLog(run, self.settings, self.training, resumed) as log,
            Interrupt() as interrupt,
            stopped_in_one_line(run, self._where, lower),
        ):
            if not resumed:
                run.save_checkpoint(self.state(), 0)
            self._train(run, console, log, interrupt)
            log.flush()
            saved = run.save_last(self.state(), self.training.update)
            p = probabilities(self.training.net, self.data.x_test)
            summary = self.summary() | self.scores(p) | {"checkpoint_saved": saved}
            run.write_summary(summary)
            log.result(p)  # images: what was learnt is safe by now
        self._print(console, run, summary)
        return summary

    def _train(self, run: Run, console: Console, log: DigitsLog, interrupt: Interrupt) -> None:
        training = self.training
        started, saved = time.perf_counter() - self.seconds, time.perf_counter()
        test = ""
        with console.progress("updates", training.updates) as progress:
            for report in training:
                self.seconds = time.perf_counter() - started
                self.train_loss, self.train_accuracy = report.loss, report.accuracy
                log.point(report, self.seconds)
                if report.test_accuracy is not None:
                    test = f"  test {report.test_accuracy:.2%}"
                progress.update(report.update, _status(report) + test)
                due = time.perf_counter() - saved >= self.settings["checkpoint_every"]
                if report.test_accuracy is not None and due:
                    log.flush()
                    run.save_checkpoint(self.state(), training.update)
                    saved = time.perf_counter()
                if interrupt.asked:
                    break

    def _where(self) -> str:
        return f"epoch {self.training.update / self.training.updates_per_epoch:.2f}"

    def finished(self, run: Run) -> bool:
        """Nothing is left to do: a run killed after its last update has no result yet."""
        done = self.training.update >= self.training.updates
        return done and run.finished

    def score(self, quiet: bool = False) -> dict[str, Any]:
        """The parameters as they are, on the test images."""
        scores = self.scores(probabilities(self.training.net, self.data.x_test))
        scores["updates"] = self.training.update
        Console(quiet).table(self._title(), self._rows(scores))
        return scores

    # -- what is told -------------------------------------------------------------------------
    def scores(self, p: np.ndarray) -> dict[str, Any]:
        """p (N, K): the probabilities of the test images."""
        labels = self.data.y_test
        return {
            "test_accuracy": accuracy(p, labels),
            "test_loss": cross_entropy(p, labels),
            "test_images": len(labels),
            "test_mistakes": int((p.argmax(axis=1) != labels).sum()),
        }

    def summary(self) -> dict[str, Any]:
        training = self.training
        return {
            "job": "digits",
            "model": self.settings["model"],
            "data": self.data.name,
            "seed": self.settings["seed"],
            "seconds": round(self.seconds, 3),
            "epochs": training.update / training.updates_per_epoch,
            "updates": training.update,
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            "parameters": training.net.size,
            "backend": training.net.ops.name,
            "interrupted": training.update < training.updates,
        }

    def _print(self, console: Console, run: Run, summary: dict[str, Any]) -> None:
        if summary["interrupted"]:
            console.print(f"stopped at update {self.training.update:,}; checkpoint saved")
            console.print("go on:   " + command("resume", run.directory))
            return
        rows = self._rows(summary) | {
            "wall seconds": f"{summary['seconds']:.2f}",
            "epochs": f"{self.preset.epochs} of {len(self.data.y_train):,} images",
            "updates": f"{summary['updates']:,}",
            "parameters": f"{summary['parameters']:,}",
            "run": str(run.directory),
        }
        console.table(self._title(), rows)
        console.print("score it:    " + command("evaluate", run.directory))
        curves = see_curves(self.settings["log"], writers_of(self.settings), run.directory)
        if curves:
            console.print(f"see curves:  {curves}")

    def _title(self) -> str:
        return f"{self.settings['model']} on {self.data.name}, seed {self.settings['seed']}"

    def _rows(self, scores: dict[str, Any]) -> dict[str, str]:
        return {
            "test accuracy": f"{scores['test_accuracy']:.2%}",
            "test mistakes": f"{scores['test_mistakes']} of {scores['test_images']:,} images",
            "test loss": f"{scores['test_loss']:.4f} nats",
        }

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        return {
            "training": self.training.state(),
            "seconds": self.seconds,
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """UserError where the state is not one of this run's settings."""
        with fitting("the checkpoint"):
            self.training.load_state(state["training"])
            for name in ("seconds", "train_loss", "train_accuracy"):
                setattr(self, name, number(state, name, low=0))


def _status(report: Report) -> str:
    return f"epoch {report.epochs:.1f}  loss {report.loss:.4f}  train {report.accuracy:.2%}"
