"""A run that was trained: its policy, its score, its episodes, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drl.api.console import Silent, console_of
from drl.api.device import use_device_that_is_here
from drl.display.commands import command
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.run import Run
from drl.nn import Network
from drl.state import fitting
from drl.tables import TASKS

if TYPE_CHECKING:
    from agents.evaluation import Evaluation
    from agents.policy import SavedPolicy
    from drl.api.export import Exported
    from drl.api.train import Result

Which = Literal["best", "last"]


class LoadedRun:
    """A run's directory, read.  Nothing of it is kept open.

    directory  with its config.json
    console    where what has to be said of it is said; none: by Python's warnings

    UserError where there is no run.
    """

    def __init__(self, directory: str | Path, console: Console | None = None) -> None:
        self.directory = Path(directory)
        self.console = console or Silent()
        with Run.open(self.directory) as run:
            self.job = run.job
            use_device_that_is_here(run, self.console)
            self.settings = run.config

    @property
    def summary(self) -> dict[str, Any]:
        """Its summary.json.   UserError where it has none yet."""
        with Run.open(self.directory) as run:
            return run.summary

    @property
    def finished(self) -> bool:
        """Whether it has come to a result."""
        with Run.open(self.directory) as run:
            return run.finished

    def __repr__(self) -> str:
        return f"LoadedRun({str(self.directory)!r})"

    # -- what was learnt ------------------------------------------------------------------------
    def policy(self, which: Which = "best", net: Any = None) -> SavedPolicy:
        """The policy of the best evaluation, or of the last checkpoint.

        net  builds the network, where it was trained with one of your own (agents.Parts.net)

        UserError where there is none.
        """
        from drl.api.policies import policy_of

        self._require_agent("policy")
        where = f"the {which} policy of {self.directory}"
        settings = self.settings
        with Run.open(self.directory) as run:
            state = run.load_best() if which == "best" else run.load_latest()
        with fitting(where, "its config.json"):
            found = state if which == "best" else state["model"]
            return policy_of(found, where, net, settings["backend"], settings["device"])

    def network(self, which: Which = "best") -> Network:
        """A plain chain of layers: what the best action is chosen by, or the logits of the classes
        of what the data set's files hold.   UserError where there is none.

        A classifier has no best of several (only the test images could choose it): the last.
        """
        if self.job not in TASKS:
            return self.policy(which).deterministic_net()
        from drl.supervised.training import of_bytes

        task = self._classifier()
        return of_bytes(task.net, task.data.white)

    def evaluate(
        self, episodes: int = 100, seed: int = 7, which: Which = "best", env: Any = None
    ) -> Evaluation:
        """Greedy episodes in fresh environments, never those that training used.

        env  where the run could not record its own

        UserError where the environment is not the policy's.
        """
        from drl.api.env import source_of
        from drl.api.score import score

        policy = self.policy(which)
        factory = source_of(self.settings, self.console, env)
        return score(policy, factory, episodes, seed, str(self.directory), self.settings)

    def score(self) -> dict[str, Any]:
        """A classifier's on its test images."""
        scores: dict[str, Any] = self._classifier().scores()
        return scores

    def watch(
        self, out: str | Path, seed: int = 7, which: Which = "best", env: Any = None,
        max_steps: int = 10_000,
    ) -> float:  # fmt: skip
        """One greedy episode as a .gif or .mp4; its return."""
        from drl.api.env import source_of
        from drl.api.watch import SUFFIXES, Episode, write
        from drl.experiment.output import check_out
        from drl.images import steady

        out = Path(out)
        if out.suffix not in SUFFIXES:
            raise UserError(f"{out} is not possible: give a name with .gif or .mp4")
        check_out(out)
        policy = self.policy(which)
        factory = source_of(self.settings, self.console, env)
        episode = Episode(policy, factory, seed, max_steps, str(self.directory))
        try:
            write(out, steady(episode, even=out.suffix == ".mp4"), episode.fps)
        finally:
            episode.close()
        return episode.total

    def export(
        self, out: str | Path, format: str | None = None, which: Which = "best",
        force: bool = False,
    ) -> Exported:  # fmt: skip
        """The network for numpy, torch or ONNX, by the name of the file: .npz, .pt, .onnx.

        UserError where there is a file already, unless `force`.
        """
        from drl.api import export

        out = Path(out)
        chosen = export.format_of(out, format)
        export.check(out, force)
        return export.write(self.network(which), out, chosen, self.about())

    def about(self) -> dict[str, Any]:
        """What an exported file says of its origin."""
        what = self.settings["data" if self.job in TASKS else "env"]
        return {"job": self.job, "trained_on": what, "seed": self.settings["seed"]}

    # -- going on -----------------------------------------------------------------------------
    def resume(
        self, steps: int | None = None, callbacks: Sequence[Any] = (), progress: bool = True,
        env: Any = None, data: Any = None, parts: Any = None, device: str | None = None,
    ) -> Result:  # fmt: skip
        """Go on exactly where the last checkpoint stopped.

        steps      env steps in all, also where the run was solved before
        callbacks  those that it was trained with: they get their state back
        env, data, parts  of your own, where the run could not record them

        UserError where it is finished.
        """
        from drl.api.resume import go_on
        from drl.state import shared_generators_kept

        with shared_generators_kept(), Run.open(self.directory, write=True) as run:
            return go_on(run, console_of(progress), steps, device, callbacks, env, data, parts)

    def _classifier(self) -> Any:
        """The task with the parameters of the last checkpoint."""
        if self.job not in TASKS:
            raise UserError(
                f"{self.directory} is a run of {self.job}: its score is that of its episodes, "
                + command("evaluate", self.directory)
            )
        from drl.supervised import job

        with Run.open(self.directory) as run:
            state = run.load_latest()
        task = job.restore(self.settings)
        with fitting("the checkpoint"):
            task.load_state(state["task"])
        return task

    def _require_agent(self, what: str) -> None:
        if self.job in TASKS:
            raise UserError(
                f"{self.directory} is a {self.job} run, which has no {what}; its score: "
                + command("evaluate", self.directory)
            )


def load_run(directory: str | Path) -> LoadedRun:
    """A run from its directory.   UserError where there is none."""
    return LoadedRun(directory)
