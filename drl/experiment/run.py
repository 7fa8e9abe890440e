"""The run directory: config.json, summary.json, checkpoints/, and TensorBoard's event files."""

from __future__ import annotations

import contextlib
import json
import platform
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from drl.display.commands import command
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.lock import Lock
from drl.experiment.run_files import (
    clear,
    halves,
    home_of,
    no_place,
    remove_empty,
    require_place,
    taken,
    undone,
)
from drl.files import read_json, write_atomic
from drl.log.writers import last_step
from drl.state import fitting, whole
from drl.tables import require_job

KEPT = 2  # checkpoints, besides the best


class Run:
    """One run's directory.  Open for writing it is locked: two processes never mix."""

    def __init__(self, directory: Path, lock: Lock | None) -> None:
        self.directory = directory
        self.device: str | None = None  # to compute on, in place of the one it was made with
        self._lock = lock
        self._warned = False
        self.document = read_json(directory / "config.json")
        if not isinstance(self.document.get("settings"), dict):
            raise UserError(f"{directory / 'config.json'} is damaged: it holds no settings")

    @classmethod
    def create(cls, directory: Path, settings: dict[str, Any]) -> Run:
        """A new directory with its config.json.

        UserError if there is something already (nothing of it is touched), or if it cannot be
        made.
        """
        directory = Path(directory)
        document = {
            "settings": settings,
            "seed": settings.get("seed"),
            "versions": versions(),
            "command": _command(),
        }
        try:
            new = not directory.exists()
            require_place(directory)
            directory.mkdir(parents=True, exist_ok=True)
            try:
                lock = Lock(directory)
                try:
                    if (directory / "config.json").exists():  # made by another since we looked
                        raise taken(directory)
                    with undone(directory):
                        (directory / "checkpoints").mkdir(exist_ok=True)
                        _write_json(directory / "config.json", document)
                        return cls(directory, lock)
                except BaseException:
                    lock.release()
                    raise
            finally:
                if new:
                    remove_empty(directory)
        except OSError as error:
            raise no_place(directory, error) from error

    def discard(self) -> None:
        """A run just made, that is not to be: nothing of it stays."""
        clear(self.directory)
        self.close()
        remove_empty(self.directory)

    @classmethod
    def open(cls, directory: Path, write: bool = False) -> Run:
        """A run that is there.  UserError if it is none, or another process writes it."""
        directory = Path(directory)
        if directory.is_file():
            its = f", {home}" if (home := home_of(directory)) is not None else ""
            raise UserError(f"{directory} is a file: give the run's directory{its}")
        if not directory.is_dir():
            raise UserError(f"no run {directory}: there is no such directory")
        if not (directory / "config.json").is_file():
            if inside := sorted(directory.glob("*/config.json")):
                raise UserError(
                    f"{directory} is no run, it holds {len(inside)} of them: name one, for example "
                    f"{inside[0].parent}"
                )
            raise UserError(f"{directory} is no run: config.json is missing")
        if not write:
            return cls(directory, None)
        try:
            lock = Lock(directory)
            try:
                for half in halves(directory):
                    half.unlink()
                return cls(directory, lock)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise UserError(
                f"cannot write to {directory} ({error.strerror}): free it, or copy the run to "
                "where it can be written"
            ) from error

    # -- what is written ----------------------------------------------------------------------
    def save_checkpoint(self, state: dict[str, Any], step: int) -> bool:
        """A checkpoint at env step (or update) `step`; it and the one before are kept.

        One of a later step is what a resumed run could not read: it goes too.

        False if the disk refused it: said once, training goes on, the next call tries again.
        """
        path = self.directory / "checkpoints" / f"step-{step:012d}.safetensors"
        if not self._kept(path, lambda: checkpoint.save(path, state)):
            return False
        checkpoints = self._checkpoints()
        kept = [p for p in checkpoints if p <= path][-KEPT:]
        for other in checkpoints:
            if other not in kept:
                with contextlib.suppress(OSError):
                    other.unlink()
        return True

    def save_last(self, state: dict[str, Any], step: int) -> bool:
        """The checkpoint that the run ends with; said if the disk would not have it."""
        saved = self.save_checkpoint(state, step)
        if not saved:
            print(
                "drl: warning: the last checkpoint was not written; this starts earlier: "
                + command("resume", self.directory),
                file=sys.stderr,
                flush=True,
            )
        return saved

    def save_best(self, state: dict[str, Any]) -> bool:
        """The best policy or classifier so far, in place of the one before."""
        path = self.directory / "checkpoints" / "best.safetensors"
        return self._kept(path, lambda: checkpoint.save(path, state))

    def begin_anew(self) -> None:
        """Clear what a process wrote that was stopped before the run's first checkpoint.

        UserError, and nothing is touched, where the run has come further: its checkpoints are gone.
        """
        best = self.directory / "checkpoints" / "best.safetensors"
        results = [path for path in (self.directory / "summary.json", best) if path.exists()]
        if results or last_step(self.directory) > 0:
            raise UserError(
                f"{self.directory} has been trained and its checkpoints are gone: it cannot go on, "
                "and is not restarted over its results; put them back, or train another `run`"
            )
        for path in self.directory.glob("events.*"):
            path.unlink()

    def change_settings(self, settings: dict[str, Any], step: int) -> None:
        """Of a run that goes on, from `step` on: config.json keeps what they were.   UserError
        where it cannot be written."""
        before = self.document["settings"]
        names = [name for name in settings if settings[name] != before.get(name)]
        if not names:
            return
        change = {
            "step": step,
            "from": {name: before.get(name) for name in names},
            "to": {name: settings[name] for name in names},
        }
        document = self.document | {"settings": settings, "changes": [*self.changes, change]}
        try:
            _write_json(self.directory / "config.json", document)
        except OSError as error:
            raise UserError(
                f"cannot write {self.directory / 'config.json'} ({error.strerror}): free it, or go "
                "on with the settings as they are"
            ) from error
        self.document = document

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Of its settings, the first one first: the step from which they hold, what they were, what
        they are."""
        found = self.document.get("changes", [])
        with fitting("config.json", "a run"):
            for change in found:
                whole(change, "step")
                for side in ("from", "to"):
                    if not isinstance(change[side], dict):
                        raise ValueError("changes should say from what and to what")
            return list(found)

    @property
    def changed_at(self) -> int:
        """The step from which its settings are as they are; 0: they have never changed."""
        return max((change["step"] for change in self.changes), default=0)

    @property
    def first_settings(self) -> dict[str, Any]:
        """Those that it was made with."""
        settings: dict[str, Any] = dict(self.document["settings"])
        for change in reversed(self.changes):
            settings |= change["from"]
        return settings

    def write_summary(self, summary: dict[str, Any]) -> bool:
        path = self.directory / "summary.json"
        return self._kept(path, lambda: _write_json(path, summary))

    def _kept(self, path: Path, write: Any) -> bool:
        try:
            write()
        except OSError as error:
            if not self._warned:
                print(
                    f"drl: cannot write {path} ({error.strerror}); training goes on and tries "
                    "again at the next checkpoint",
                    file=sys.stderr,
                    flush=True,
                )
            self._warned = True
            return False
        self._warned = False
        return True

    # -- what is read -------------------------------------------------------------------------
    @property
    def config(self) -> dict[str, Any]:
        """The settings that the run was made with, but for another device."""
        settings: dict[str, Any] = self.document["settings"]
        return settings if self.device is None else settings | {"device": self.device}

    @property
    def job(self) -> str:
        """What it learns by: an agent's name, or digits.   UserError on anything else."""
        try:
            return require_job(self.config.get("job"))
        except UserError as error:
            raise UserError(
                f"{self.directory / 'config.json'}: {error}: is it damaged, or of a newer version?"
            ) from error

    @property
    def stopped_by(self) -> str | None:
        """The callback that has finished it."""
        return self.summary.get("stopped_by") if self.finished else None

    @property
    def summary(self) -> dict[str, Any]:
        return read_json(self.directory / "summary.json", "is the run still going?")

    @property
    def asked_steps(self) -> int | None:
        """Env steps in all that an interrupted run was to be trained to; None: those of its
        settings."""
        if self.finished or not (self.directory / "summary.json").is_file():
            return None
        with fitting("summary.json"):
            return whole(self.summary, "steps", low=1) if "steps" in self.summary else None

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from; nothing is lost where there is none."""
        return self.newest is not None

    @property
    def newest(self) -> Path | None:
        """The checkpoint written last."""
        return max(self._checkpoints(), default=None)

    @property
    def finished(self) -> bool:
        """Whether it has come to a result."""
        return (self.directory / "summary.json").is_file() and not self.summary.get("interrupted")

    def load_latest(self) -> dict[str, Any]:
        """The newest checkpoint that is not damaged.  UserError if there is none, or the newest
        whole one cannot be read here (another version's, a file without rights)."""
        damaged = []
        for path in reversed(self._checkpoints()):
            try:
                return checkpoint.load(path)
            except checkpoint.Damaged as error:
                damaged.append(str(error))
                print(f"drl: {error}", file=sys.stderr)
        raise UserError(
            f"{self.directory} has no checkpoint to go on from"
            + (f" ({len(damaged)} damaged)" if damaged else ": it stopped before its first")
        )

    @property
    def checkpoints(self) -> list[Path]:
        """Those that are there, the newest last."""
        return self._checkpoints()

    @property
    def best(self) -> Path | None:
        """The model of the best evaluation, where there is one."""
        path = self.directory / "checkpoints" / "best.safetensors"
        return path if path.exists() else None

    def load(self, path: Path) -> dict[str, Any]:
        """One of them.   UserError where it is damaged."""
        return checkpoint.load(path)

    def load_best(self) -> dict[str, Any]:
        path = self.directory / "checkpoints" / "best.safetensors"
        if not path.exists():
            raise UserError(f"{self.directory} has no best policy yet: no evaluation has been made")
        return checkpoint.load(path)

    def _checkpoints(self) -> list[Path]:
        return sorted((self.directory / "checkpoints").glob("step-*.safetensors"))

    # -- open and close -----------------------------------------------------------------------
    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _command() -> str:
    """What was typed; where a program of the user's calls us, that program."""
    program = Path(sys.argv[0])
    ours = program.stem == "drl" or program.parts[-3:] == ("drl", "cli", "main.py")
    return shlex.join(["drl" if ours else program.name, *sys.argv[1:]])


def versions() -> dict[str, str]:
    """Of what computes a run."""
    found = {"python": platform.python_version()}
    for name in ("drl-toolkit", "numpy", "gymnasium", "torch"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_atomic(path, (json.dumps(content, indent=2) + "\n").encode())
