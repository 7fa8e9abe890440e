"""The run directory: config.json, summary.json, checkpoints/, and TensorBoard's event files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shlex
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from drl import checkpoint
from drl.errors import UserError

KEPT = 2  # checkpoints, besides the best


class Run:
    """One run's directory.  Open for writing it is locked: two processes never mix."""

    def __init__(self, directory: Path, lock: int | None) -> None:
        self.directory = directory
        self._lock = lock
        self._warned = False
        self.document = _read_json(directory / "config.json")
        if not isinstance(self.document.get("settings"), dict):
            raise UserError(f"{directory / 'config.json'} is damaged: it holds no settings")

    @classmethod
    def create(cls, directory: Path, settings: dict[str, Any]) -> Run:
        """A new directory with its config.json.

        UserError if there is something already (nothing of it is touched), or if it cannot be
        made.
        """
        directory = Path(directory)
        taken = UserError(
            f"{directory} exists and is not empty: give another --run, or go on with it by "
            f"'drl resume {directory}'"
        )
        document = {
            "settings": settings,
            "seed": settings.get("seed"),
            "versions": _versions(),
            "command": _command(),
        }
        try:
            if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
                raise taken
            directory.mkdir(parents=True, exist_ok=True)
            lock = _locked(directory)
            try:
                if (directory / "config.json").exists():  # made by another since we looked
                    raise taken
                (directory / "checkpoints").mkdir(exist_ok=True)
                _write_json(directory / "config.json", document)
                return cls(directory, lock)
            except BaseException as error:
                if isinstance(error, OSError):
                    _clear(directory)
                os.close(lock)
                raise
        except OSError as error:
            raise UserError(
                f"cannot make a run in {directory} ({error.strerror}): give --run a place that "
                "can be written to"
            ) from error

    @classmethod
    def open(cls, directory: Path, write: bool = False) -> Run:
        """A run that is there.  UserError if it is none, or another process writes it."""
        directory = Path(directory)
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
            lock = _locked(directory)
            try:
                for pattern in (".*.json.[0-9]*", "checkpoints/.*.safetensors.[0-9]*"):
                    for half in directory.glob(pattern):  # left by a process killed in writing
                        half.unlink()
                return cls(directory, lock)
            except BaseException:
                os.close(lock)
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
                f"drl: warning: the last checkpoint was not written; 'drl resume {self.directory}' "
                "starts earlier",
                file=sys.stderr,
                flush=True,
            )
        return saved

    def save_best(self, state: dict[str, Any]) -> bool:
        """The best policy or classifier so far, in place of the one before."""
        path = self.directory / "checkpoints" / "best.safetensors"
        return self._kept(path, lambda: checkpoint.save(path, state))

    def clear_events(self) -> None:
        """What a process wrote that was stopped before the run's first checkpoint."""
        for path in self.directory.glob("events.*"):
            path.unlink()

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
        """The settings that the run was made with."""
        settings: dict[str, Any] = self.document["settings"]
        return settings

    @property
    def job(self) -> str:
        """ "dqn" or "digits".  UserError on anything else."""
        job = self.config.get("job")
        if job not in ("dqn", "digits"):
            raise UserError(
                f"{self.directory / 'config.json'} names the job {job!r}; expected dqn or digits: "
                "is it damaged, or of a newer version?"
            )
        return str(job)

    @property
    def summary(self) -> dict[str, Any]:
        return _read_json(self.directory / "summary.json")

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from; nothing is lost where there is none."""
        return self.newest is not None

    @property
    def newest(self) -> Path | None:
        """The checkpoint written last."""
        return max(self._checkpoints(), default=None)

    @property
    def told(self) -> bool:
        """Whether it has come to a result."""
        return (self.directory / "summary.json").is_file() and not self.summary.get("interrupted")

    def load_latest(self) -> dict[str, Any]:
        """The newest checkpoint that can be read.  UserError if there is none."""
        damaged = []
        for path in reversed(self._checkpoints()):
            try:
                return checkpoint.load(path)
            except UserError as error:
                damaged.append(str(error))
                print(f"drl: {error}", file=sys.stderr)
        raise UserError(
            f"{self.directory} has no checkpoint to go on from"
            + (f" ({len(damaged)} damaged)" if damaged else ": it stopped before its first")
        )

    def load_best(self) -> dict[str, Any]:
        path = self.directory / "checkpoints" / "best.safetensors"
        if not path.exists():
            raise UserError(f"{self.directory} has no best policy yet: no check has been made")
        return checkpoint.load(path)

    def _checkpoints(self) -> list[Path]:
        return sorted((self.directory / "checkpoints").glob("step-*.safetensors"))

    # -- open and close -----------------------------------------------------------------------
    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)  # which unlocks
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def default_directory(job: str, what: str, seed: int | str) -> Path:
    """runs/<job>-<what>-<seed>-<time>, not there yet."""
    name = f"{job}-{what.replace('/', '-')}-{seed}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, n = Path("runs") / name, 1
    while path.exists():
        n += 1
        path = Path("runs") / f"{name}-{n}"
    return path


def _locked(directory: Path) -> int:
    lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise UserError(
            f"another process is writing to {directory}: wait for it, or stop it"
        ) from None
    return lock


def _clear(directory: Path) -> None:
    """No run could be made in the directory, empty before: it is empty again for the next try."""
    with contextlib.suppress(OSError):
        (directory / "checkpoints").rmdir()
    with contextlib.suppress(OSError):
        (directory / ".lock").unlink()


def _command() -> str:
    """What was typed; where a program of the user's calls us, that program."""
    program = Path(sys.argv[0])
    ours = program.stem == "drl" or program.parts[-3:] == ("drl", "cli", "main.py")
    return shlex.join(["drl" if ours else program.name, *sys.argv[1:]])


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("drl-toolkit", "numpy", "gymnasium", "torch"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _write_json(path: Path, content: dict[str, Any]) -> None:
    checkpoint.write_atomic(path, (json.dumps(content, indent=2) + "\n").encode())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing: is the run still going?") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}): is it damaged?"
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: expected a JSON object")
    return content
