"""A run that was trained: its policy, its score, its episodes, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drl.api.console import Silent, console_of
from drl.api.device import use_device_that_is_here
from drl.api.find import recorded_agent
from drl.api.parts import networks, of_run
from drl.display.commands import command
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.run import Run
from drl.experiment.tracebacks import tracebacks_kept
from drl.named import short
from drl.nn import Network
from drl.settings import plain
from drl.state import fitting, shared_generators_kept
from drl.tables import TASKS, job_of
from drl.threads import one_thread

if TYPE_CHECKING:
    from agents.evaluation import Evaluation
    from agents.policy import SavedPolicy
    from drl.api.export import Exported
    from drl.api.plan import Result
    from drl.api.verify import Verified
    from drl.api.watch import Episode

Which = Literal["best", "last"]


class Learnt:
    """What an agent has learnt, wherever it is kept: a run's directory, or a policy's file.

    where     it is kept
    title     for people
    job       the agent's name
    settings  of the run; of a file its environment alone
    console   where what has to be said is said
    """

    where: Path
    title: str
    job: str
    settings: dict[str, Any]
    console: Console
    home: Path | None = None
    """The run's directory; none: there is none."""

    def policy(self, which: Which = "best", net: Any = None, critic_net: Any = None) -> SavedPolicy:
        """The policy of the best evaluation, or of the last checkpoint.

        net, critic_net  build the networks, where it was trained with your own (agents.Parts.net,
                         agents.SACParts.critic_net)

        UserError where there is none.
        """
        raise NotImplementedError

    def named(self, which: Which) -> str:
        """What results call the policy that `policy(which)` gives."""
        return which

    def network(self, which: Which = "best", data: Any = None) -> Network:
        """A plain chain of layers by whose outputs the best action is chosen.   UserError where
        there is none."""
        return self.policy(which).deterministic_net()

    def evaluate(
        self, episodes: int = 100, seed: int = 7, which: Which = "best", env: Any = None,
        sample: bool = False,
    ) -> Evaluation:  # fmt: skip
        """Greedy episodes in fresh environments, never those that training used.

        env     where nothing recorded it
        sample  of a policy with probabilities: its actions are drawn

        UserError where the environment is not the policy's, or it has no probabilities.
        """
        from drl.api.env import source_of
        from drl.api.score import score

        policy = self.policy(which)
        with tracebacks_kept(self.home):
            factory = source_of(self.settings, self.console, env)
            return score(policy, factory, episodes, seed, str(self.where), self.settings, sample)

    def episode(
        self, seed: int = 7, which: Which = "best", max_steps: int | None = None, env: Any = None
    ) -> Episode:
        """One greedy episode, drawn: iterate for its images.   UserError as above.

        max_steps  agent steps after which it is cut; none: as an evaluation of the run cuts it,
                   after MAX_STEPS at most
        """
        from drl.api.env import source_of
        from drl.api.watch import MAX_STEPS, Episode

        policy = self.policy(which)
        factory = source_of(self.settings, self.console, env)
        if max_steps is None:
            max_steps = min(MAX_STEPS, self.settings.get("eval_max_steps", MAX_STEPS))
        return Episode(policy, factory, seed, max_steps, str(self.where))

    def watch(
        self, out: str | Path, seed: int = 7, which: Which = "best", env: Any = None,
        max_steps: int | None = None,
    ) -> float:  # fmt: skip
        """One greedy episode as a .gif or .mp4; its return."""
        from drl.api.watch import write
        from drl.experiment.output import check_out
        from drl.images import VIDEOS, steady

        out = Path(out)
        if out.suffix not in VIDEOS:
            raise UserError(f"{out} is not possible: give a name with .gif or .mp4")
        check_out(out)
        with tracebacks_kept(self.home):
            episode = self.episode(seed, which, max_steps, env)
            try:
                write(out, steady(episode, even=out.suffix == ".mp4"), episode.fps)
            finally:
                episode.close()
            return episode.total

    def export(
        self, out: str | Path, format: str | None = None, which: Which = "best",
        force: bool = False, data: Any = None,
    ) -> Exported:  # fmt: skip
        """The network for numpy, torch or ONNX, by the name of the file: .npz, .pt, .onnx.

        data  arrays (x, y) that a classifier was trained on, where they are the user's own

        UserError where there is a file already, unless `force`.
        """
        from drl.api import export

        out = Path(out)
        chosen = export.format_of(out, format)
        export.check(out, force)
        if self.job in TASKS:
            return export.write(self.network(which, data), out, chosen, self.about())
        policy = self.policy(which)
        about = self.about() | policy.about()
        return export.write(policy.deterministic_net(), out, chosen, about, policy.told())

    def about(self) -> dict[str, Any]:
        """What an exported file says of its origin."""
        what = self.settings.get(job_of(self.job).what)
        return {"job": self.job, "trained_on": what, "seed": self.settings.get("seed")}


class LoadedRun(Learnt):
    """A run's directory, read.  Nothing of it is kept open.

    directory  with its config.json
    console    where what has to be said of it is said; none: by Python's warnings
    agent      of your own, where no file holds it

    UserError where there is no run.
    """

    def __init__(
        self, directory: str | Path, console: Console | None = None, agent: Any = None
    ) -> None:
        self.directory = self.where = self.home = Path(directory)
        self.agent = agent
        self.console = console or Silent()
        with Run.open(self.directory) as run:
            self.job = run.job
            use_device_that_is_here(run, self.console)
            self.settings = run.config
        self.title = short(str(self.settings.get(job_of(self.job).what)))

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

    def policy(self, which: Which = "best", net: Any = None, critic_net: Any = None) -> SavedPolicy:
        from agents import job
        from drl.api.policies import policy_of

        if self.job in TASKS:
            raise UserError(
                f"{self.directory} is a {self.job} run, which has no episodes; its mistakes: "
                f"{command('board', self.directory)}; its score: "
                + command("evaluate", self.directory)
            )
        where, settings = f"the {which} policy of {self.directory}", self.settings
        with Run.open(self.directory) as run:
            state = run.load_best() if which == "best" else run.load_latest()
        with fitting(where, "its config.json"):
            row = recorded_agent(self.job, self.console, self.agent)
            config, _ = job.configs(row, settings)
            given = {"net": net, "critic_net": critic_net}
            nets = {part: build for part, build in given.items() if build is not None}
            names = settings.get("parts") or {}
            named = {p: names[p] for p in given if names.get(p) and p not in nets}
            if named:
                nets |= networks(of_run(row, settings | {"parts": named}, self.console))
            found = state if which == "best" else state["model"]
            policy = policy_of(found, where, row, nets, settings["backend"], settings["device"])
            mine, its = policy.settings().get("settings", {}), plain(config)
            for name in row.fixed:  # others may have changed since, where the run went on
                if mine.get(name) != its.get(name):
                    raise ValueError(
                        f"{name} is {mine.get(name)} in one, {its.get(name)} in the other"
                    )
            return policy

    def network(self, which: Which = "best", data: Any = None) -> Network:
        """A plain chain of layers by whose outputs the best action is chosen, or the logits of the
        classes of what a data set's files hold.   UserError where there is none.

        data  arrays (x, y) that a classifier was trained on, where they are the user's own

        A classifier has no best of several (only the test images could choose it): the last.
        """
        if self.job not in TASKS:
            return super().network(which)
        from drl.supervised.training import of_bytes

        task = self._classifier(data)
        return of_bytes(task.net, task.data.white)

    def score(self, data: Any = None) -> dict[str, Any]:
        """A classifier's on its test images.   UserError for an agent's run.

        data  arrays (x, y) that it was trained on, where they are the user's own
        """
        task = self._classifier(data)
        self.title = f"{task.title}, seed {task.seed}"
        with one_thread():  # as it is scored in training, to the last digit
            scores: dict[str, Any] = task.scores() | {"updates": task.step}
        return scores

    def resume(
        self, steps: int | None = None, callbacks: Sequence[Any] = (), progress: bool = True,
        env: Any = None, data: Any = None, parts: Any = None, device: str | None = None,
        **changes: Any,
    ) -> Result:  # fmt: skip
        """Go on exactly where the last checkpoint stopped.

        steps      env steps in all, also where the run was solved before
        callbacks  those that it was trained with: they get their state back
        env, data, parts  of your own, where the run could not record them
        changes    settings that are others from now on: lr=1e-4, eval_every=1000

        UserError where it is finished, or a setting cannot change (it says why).
        """
        from drl.api.resume import go_on

        with shared_generators_kept(), Run.open(self.directory, write=True) as run:
            console = console_of(progress)
            return go_on(
                run, console, steps, device, callbacks, env, data, parts, self.agent, changes
            )

    def verify(
        self, start: Literal["start", "checkpoint"] = "start", env: Any = None, data: Any = None,
        parts: Any = None,
    ) -> Verified:  # fmt: skip
        """Train it again, and compare every byte with its newest checkpoint.

        start            from its first step, or from the checkpoint before the newest
        env, data, parts  of your own, where the run could not record them
        """
        from drl.api.verify import verify

        with shared_generators_kept():
            return verify(self.directory, self.console, start, env, data, parts, self.agent)

    def _classifier(self, data: Any = None) -> Any:
        """The task with the parameters of the last checkpoint."""
        if self.job not in TASKS:
            raise UserError(f"{self.directory} is a run of {self.job}: it is scored by `evaluate`")
        from drl.supervised import job

        with Run.open(self.directory) as run:
            state = run.load_latest()
        with shared_generators_kept():
            task = job.restore(self.settings, data)
        with fitting("the checkpoint"):
            task.load_state(state["task"])
        return task


class PolicyFile(Learnt):
    """A policy's file, or a run's checkpoint, with the environment that it names.   UserError where
    it is none."""

    def __init__(self, path: str | Path, console: Console | None = None) -> None:
        from drl.api.policies import policy_at

        self.where, self.console = Path(path), console or Silent()
        self._policy = policy_at(self.where, self.console)
        self.job = self._policy.agent
        record = self._policy.record
        self.settings = {"recorded": False} if record is None else dict(record)
        encoder = self._policy.encoder
        self.settings["channels"] = "as they are" if encoder.plain else encoder.channels
        self.title = short(str(self.settings.get("env", path)))

    def policy(self, which: Which = "best", net: Any = None, critic_net: Any = None) -> SavedPolicy:
        if which != "best":
            raise UserError(f"{self.where} holds one policy: leave out `policy={which}`")
        return self._policy

    def named(self, which: Which) -> str:
        checkpoint = self.where.match("step-*.safetensors")
        return self.where.stem if checkpoint else which


def opened(path: Path, console: Console) -> Any:
    """A run's directory, or a policy's file, or a run's checkpoint.   UserError where there is
    none."""
    return PolicyFile(path, console) if path.is_file() else LoadedRun(path, console)


def load_run(directory: str | Path, agent: Any = None) -> LoadedRun:
    """A run from its directory.

    agent  of your own that the run was trained with, where no file holds it (it was defined in a
           notebook, or in a function)

    UserError where there is no run.
    """
    if Path(directory).is_file():
        raise UserError(
            f"{directory} is a file, a run is a directory: load_policy reads a policy's file"
        )
    return LoadedRun(directory, agent=agent)
