"""Environments in several processes: the same bytes as in one, and nothing left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_workers import Fragile, Masked
from own_world import Walk
from trained import assert_same, latest

import drl
from drl.errors import EnvFailed, EnvWarning, UserError
from envs import gymnasium_env, source
from envs.gymnasium_env import GymVector
from envs.workers import GymWorkers

pytestmark = [
    pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning"),  # SWIG's, of Box2D
    pytest.mark.filterwarnings("ignore:.*of an evaluation had no end"),
]
ODD = f"{Path(__file__).parent / 'odd_workers.py'}"
ENVS = 5
QUICK: dict[str, Any] = {
    "num_envs": 5, "learning_starts": 32, "eval_every": 400, "eval_episodes": 2,
    "eval_max_steps": 50, "checkpoint_every": 100, "log_every": 50, "log": "minimal",
    "progress": False, "hidden": (8,), "buffer_size": 1000,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fragile, "made", 0)


def here(*args: Any, **kwargs: Any) -> Any:
    """Made by what nothing can name: in processes that are forks of this one."""
    return source(lambda: Fragile(*args, **kwargs))


def played(envs: Any, steps: int = 150, seed: int = 0) -> list[np.ndarray]:
    """All that comes of so many random steps, from a reset."""
    rng = np.random.default_rng(seed)
    obs, info = envs.reset()
    seen = [obs, *info.values()]
    space = envs.action_space
    for _ in range(steps):
        step = envs.step(space.start + rng.integers(space.n, size=envs.num_envs))
        seen += [step.obs, step.reward, step.terminated, step.truncated, step.final_obs]
        seen += step.info.values()
        assert (step.final_obs is step.obs) == (not (step.terminated | step.truncated).any())
        if step.invalid is not None:
            seen.append(step.invalid)
    return seen


def assert_equal(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


def pids(envs: Any) -> list[int]:
    return [process.process.pid for process in envs.processes]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone(numbers: list[int], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(alive, numbers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, numbers))


@pytest.mark.parametrize(
    ("env", "method"),
    [
        ("Acrobot-v1", "spawn"),
        (Walk, "spawn"),
        (f"{ODD}:Masked", "spawn"),
        (lambda: Masked(), "fork"),
        ("LunarLander-v3", "spawn"),
    ],
)
def test_the_same_bytes_as_in_one_process(env: Any, method: str) -> None:
    if env == "LunarLander-v3":
        pytest.importorskip("Box2D")
    made = source(env)
    one, two = made(num_envs=ENVS, seed=3), made(num_envs=ENVS, seed=3, workers=2)
    try:
        assert isinstance(one, GymVector) and isinstance(two, GymWorkers)
        assert (two.method, len(two.processes)) == (method, 2)
        for name in ("id", "fps", "observation_space", "action_space"):
            assert getattr(two, name) == getattr(one, name), name
        one.prepare()
        two.prepare()
        assert two.way == one.way
        assert_equal(played(two), played(one))
        state = two.state()
        assert_same(state, one.state())
        one.load_state(state)  # a run may go on with other processes, or none
        assert_equal(played(two, 20), played(one, 20))
        two.load_state(state)
        one.load_state(state)
        assert_equal(played(two, 20), played(one, 20))
    finally:
        one.close()
        two.close()
    assert gone(pids(two))


def test_arrays_of_a_step_are_fresh() -> None:
    envs = here()(num_envs=3, seed=0, workers=2)
    envs.reset()
    steps = [envs.step(np.ones(3, int)) for _ in range(3)]
    kept = [[np.copy(a) for a in step[:5]] for step in steps]
    played(envs, 20)
    for step, copies in zip(steps, kept, strict=True):
        assert_equal(list(step[:5]), copies)
    envs.close()


def test_never_more_processes_than_environments() -> None:
    envs = here()(num_envs=2, seed=0, workers=7)
    assert [process.count for process in envs.processes] == [1, 1]
    envs.close()


@pytest.mark.filterwarnings("ignore:.*restarted:drl.errors.EnvWarning")
@pytest.mark.parametrize("way", ["generator", "seed"])
def test_failures_are_restarted_as_in_one_process(way: Any) -> None:
    """Messages, their number, the seeds of what follows: those of the same order."""
    made = here(raises=7)
    one, two = made(num_envs=4, seed=1), made(num_envs=4, seed=1, workers=3)
    one.way = way
    for process in two.processes:
        process.ask("follow", way)
        process.answer(two._failed)
    assert_equal(played(two, 15), played(one, 15))
    assert two.restarts == one.restarts and len(one.restarts) > 4
    two.close()
    one.close()


@pytest.mark.filterwarnings("ignore:.*restarted:drl.errors.EnvWarning")
@pytest.mark.parametrize(
    "kwargs", [{"raises": 3}, {"nan": 5}, {"exits": 4}, {"fails_when_made": True}]
)
def test_mistakes_end_it_in_the_same_words(kwargs: Any) -> None:
    said = []
    for workers in (0, 2):
        with pytest.raises(EnvFailed) as error:
            played(here(**kwargs)(num_envs=4, seed=1, workers=workers))
        said.append(str(error.value))
    assert said[0] == said[1] and "mend the env" in said[0]


def test_a_hang_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gymnasium_env, "STEP_SECONDS", 0.3)
    envs = here(hangs=(1, 4))(num_envs=3, seed=1, workers=2)
    with pytest.warns(
        EnvWarning, match=r"environment 2\) failed in a step .TimeoutError: no answer"
    ):
        seen = played(envs, 6)
    assert len(envs.restarts) == 1 and len(seen) > 0
    envs.close()


def test_a_loop_in_c_is_ended_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which no clock in a process can interrupt."""
    monkeypatch.setattr(gymnasium_env, "STEP_SECONDS", 0.2)
    envs = here(hangs=(1, 4), deaf=True)(num_envs=3, seed=1, workers=2)
    before = pids(envs)
    with pytest.warns(
        EnvWarning, match=r"environments 1 to 2\) ended .no answer for 1 s. in a step"
    ):
        played(envs, 5)
    assert len(envs.restarts) == 1 and gone(before[1:])
    envs.close()


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_process_that_dies_is_started_anew(method: str) -> None:
    made = source(f"{ODD}:Masked") if method == "spawn" else source(lambda: Masked())

    def run() -> tuple[list[np.ndarray], list[str]]:
        envs = made(num_envs=4, seed=1, workers=2)
        assert envs.method == method
        envs.prepare()
        seen = played(envs, 7)
        before = pids(envs)
        os.kill(before[1], signal.SIGKILL)
        assert gone(before[1:])
        assert envs.state() is None
        with pytest.warns(EnvWarning, match="environments 2 to 3.*ended .killed by SIGKILL.*1"):
            step = envs.step(np.zeros(4, int))
        assert step.invalid is not None and step.invalid.tolist() == [False, False, True, True]
        assert not step.reward[2:].any() and not (step.terminated | step.truncated)[2:].any()
        assert step.final_obs[2:].tobytes() == step.obs[2:].tobytes()
        assert step.info["action_mask"].shape == (4, 3)
        assert pids(envs)[0] == before[0] and pids(envs)[1] != before[1]
        for _ in range(30):
            step = envs.step(np.zeros(4, int))
            seen += [step.obs, step.reward, *step.info.values()]
            assert step.invalid is None
        assert envs.state() is not None
        envs.close()
        assert gone(pids(envs))
        return seen, envs.restarts

    (one, restarts), (other, again) = run(), run()
    assert_equal(one, other)  # seeds of its own, the same each time
    assert restarts == again and len(restarts) == 1


def test_environment_code_that_ends_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    envs = here(dies=5)(num_envs=4, seed=1, workers=2)
    with (
        pytest.warns(EnvWarning, match=r"ended \(exit code 7\) in a step; it was started anew"),
        pytest.raises(EnvFailed, match="after 10 such failures"),
    ):
        played(envs)
    assert len(envs.restarts) == 10
    envs.close()
    with pytest.raises(EnvFailed, match=r"process of environments 0 to 1 ended \(exit code 7\)"):
        here(dies=-1)(num_envs=4, seed=1, workers=2)


def test_a_death_while_no_step_is_under_way() -> None:
    envs = here()(num_envs=4, seed=1, workers=2)
    os.kill(pids(envs)[0], signal.SIGKILL)
    with pytest.warns(EnvWarning, match="SIGKILL.*in a reset"):
        obs, _ = envs.reset()
    assert np.isfinite(obs).all()
    state = envs.state()
    os.kill(pids(envs)[1], signal.SIGKILL)
    with pytest.raises(drl.errors.NotRepeated, match="environments 2 to 3"):
        envs.load_state(state)
    with pytest.warns(EnvWarning, match="SIGKILL"):
        assert len(played(envs, 3)) > 3
    envs.close()


def test_warnings_of_environments_arrive() -> None:
    envs = here(warns=3)(num_envs=2, seed=1, workers=2)
    with pytest.warns(UserWarning, match="low fuel"):
        played(envs, 5)
    envs.close()


def test_an_error_that_was_left_does_not_disturb_what_follows() -> None:
    """Answers that nobody has waited for are not taken for others."""
    made = here(nan=5)
    one, two = made(num_envs=4, seed=1), made(num_envs=4, seed=1, workers=4)
    for envs in (one, two):
        with pytest.raises(EnvFailed, match=r"environment 0\) gave NaN"):
            played(envs, 8)
        assert envs.state() is None
    assert_equal(played(two), played(one))
    assert_same(two.state(), one.state())
    two.close()


def test_shared_generators_are_told_of() -> None:
    envs = here(shared=True)(num_envs=2, seed=1, workers=2)
    played(envs, 3)
    with pytest.warns(EnvWarning, match="draws from the random numbers that a process shares"):
        envs.state()
    envs.close()


def test_what_nothing_can_name_needs_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(UserError, match="env_workers needs environments that another process"):
        here()(num_envs=2, seed=1, workers=2)


def test_ours_and_single_ones_stay_here() -> None:
    ours = source("CartPole-v1")(num_envs=2, seed=1, workers=2)
    assert not hasattr(ours, "processes")
    with pytest.warns(EnvWarning, match="no spec"):
        single = source(Fragile())
    envs = single(num_envs=1, seed=1, workers=2)
    assert isinstance(envs, GymVector)


# -- trainings ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("env", "eval_envs"),
    [("Acrobot-v1", None), (f"{ODD}:Masked", None), (f"{ODD}:Masked", 0), ("LunarLander-v3", None)],
)
def test_a_training_has_the_same_bytes(
    env: str, eval_envs: int | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if env == "LunarLander-v3":
        pytest.importorskip("Box2D")
    for workers in (0, 2):
        run = tmp_path / str(workers)
        own = QUICK | {"eval_envs": eval_envs, "eval_every": 150, "env_workers": workers}
        drl.train("dqn", env, run=run, steps=300, **own)
    assert_same(latest(tmp_path / "2"), latest(tmp_path / "0"))
    assert "resource_tracker" not in capfd.readouterr().err
    assert drl.load_run(tmp_path / "2").verify().same


def test_a_run_goes_on_with_other_processes(tmp_path: Path) -> None:
    env = f"{ODD}:Masked"
    drl.train("dqn", env, run=tmp_path / "whole", steps=300, **QUICK)
    stop = drl.Every(150, lambda experiment: False)
    drl.train(
        "dqn", env, run=tmp_path / "parts", steps=300, env_workers=2, callbacks=[stop], **QUICK
    )
    more = drl.Every(150, lambda experiment: None)
    drl.load_run(tmp_path / "parts").resume(
        env_workers=3, steps=300, callbacks=[more], progress=False
    )
    whole, parts = latest(tmp_path / "whole"), latest(tmp_path / "parts")
    assert_same(parts["task"], whole["task"])


def test_a_training_survives_a_dead_process(tmp_path: Path) -> None:
    def kill(experiment: Any) -> None:
        if experiment.step == 100:
            os.kill(pids(experiment.task.envs)[0], signal.SIGKILL)

    with pytest.warns(drl.TrainingWarning, match="killed by SIGKILL"):
        result = drl.train(
            "dqn", f"{ODD}:Masked", steps=300, env_workers=2, callbacks=[drl.Every(50, kill)],
            **QUICK,
        )  # fmt: skip
    assert result.summary["env_restarts"] == 1 and result.env_steps == 300


def test_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = {"steps": 40, "learning_starts": 20, "eval_episodes": 1, "num_envs": 2, "progress": True}
    drl.train("dqn", f"{ODD}:Masked", env_workers=2, **QUICK | few)
    assert "2 environments in 2 processes" in capsys.readouterr().out
    drl.train("dqn", "CartPole-v1", env_workers=2, **QUICK | few)
    said = capsys.readouterr().out
    assert "env_workers: CartPole-v1 is stepped all at once, in this process" in said
    with pytest.raises(UserError, match="env_workers"):
        drl.train("dqn", "CartPole-v1", env_workers=-1, **QUICK)


# -- what is left behind --------------------------------------------------------------------------
SCRIPT = """
    import sys
    import drl
    from odd_workers import Masked

    print("script", flush=True)

    def tell(experiment):
        processes = experiment.task.envs.processes
        print("pids", *(process.process.pid for process in processes), flush=True)

    env = Masked if sys.argv[1] == "spawn" else lambda: Masked()
    drl.train("dqn", env, steps=10_000_000, env_workers=2, num_envs=4, progress=False,
              callbacks=[drl.Every(200, tell)], run=sys.argv[2], hidden=(8,), eval_every=10**7)
    print("ended", flush=True)
"""


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_no_process_is_left_behind(method: str, how: str, tmp_path: Path) -> None:
    """Of a script without `if __name__ == "__main__"`, which runs once."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(drl.__file__).parents[1])])
    process = subprocess.Popen(
        [sys.executable, str(script), method, str(tmp_path / "run")], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "script\n"
    words = process.stdout.readline().split()
    assert words[0] == "pids" and len(words) == 3
    workers = [int(word) for word in words[1:]]
    assert all(map(alive, workers))
    if how == "kill":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all of them hear it
    out, err = process.communicate(timeout=60)
    assert gone(workers)
    assert "resource_tracker" not in err and "Traceback" not in err, err
    if how == "interrupt":
        assert process.returncode == 0 and out.endswith("ended\n") and "script" not in out
        assert drl.load_run(tmp_path / "run").summary["interrupted"]


def test_ctrl_c_while_processes_begin(tmp_path: Path) -> None:
    args = ["train", "dqn", "--env", f"{ODD}:Masked", "--env-workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "drl", *args, "--run", str(tmp_path / "run")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(drl.__file__).parents[1])}, cwd=tmp_path,
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and len(children.read_text().split()) < 3:  # a tracker besides
        time.sleep(0.005)
    numbers = [int(word) for word in children.read_text().split()]
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert gone(numbers) and len(numbers) == 3
    assert "Traceback" not in err and "resource_tracker" not in err, err


@pytest.mark.parametrize("close", [True, False])
def test_a_program_ends(close: bool, tmp_path: Path) -> None:
    """Also where nobody closes the environments."""
    script = tmp_path / "script.py"
    script.write_text(
        "from envs import source\n"
        f"envs = source({ODD + ':Masked'!r})(num_envs=2, seed=1, workers=2)\n"
        "envs.reset()\n" + "envs.close()\n" * close
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(drl.__file__).parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_does_not_wait_for_an_environment() -> None:
    """Ctrl-C in an evaluation in the training's environments, one of which hangs."""
    envs = here(hangs=(0, 3))(num_envs=2, seed=1, workers=2)
    before = signal.signal(signal.SIGALRM, _interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            played(envs)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    numbers, started = pids(envs), time.monotonic()
    envs.close()
    assert time.monotonic() - started < 8 and gone(numbers)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
