"""Everything that a user can hand in as an environment, made one thing: `source`."""

from __future__ import annotations

import copy
import functools
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from drl.closing import close
from drl.encoding import Seen
from drl.environment import VectorEnv
from drl.errors import EnvWarning, UserError
from drl.named import is_file, is_installed, module_of, name_of, split, thing
from drl.nearest import asked
from drl.raised import said
from envs.build import gymnasiums, make, require_room
from envs.given import (
    Around,
    Record,
    checked_kwargs,
    is_env,
    is_gymnasiums_vector,
    is_vector,
    named_wrapper,
    parameters,
    record_of,
    require_fitting,
    takes_name,
    wrapped_in,
)  # fmt: skip
from envs.gymnasium_env import GymVector
from envs.ids import OURS, called, is_own, own_class, own_name, resolve
from envs.nearest import nearest_ids
from envs.vectors import GymnasiumVector, arrays

if TYPE_CHECKING:
    from envs.worker import Make, Vector

# (*, num_envs, seed, drawn, vector): Gymnasium's are made by vector(id, num_envs, seed, build)
Vectors = Callable[..., VectorEnv]
RECORD = {"env", "env_kwargs", "wrappers", "env_spec"}


class EnvSource:
    """Makes environments from what a user gave (`source`), and says how to make them again.

    It is an EnvFactory:  source(num_envs=8, seed=1, drawn=False) → VectorEnv.

    record  for a run's config.json: {"env": id, module:Name or /path/file.py:Name, "env_kwargs":
            {…}, "wrappers": [names]}, with Gymnasium's "env_spec" of a clone; None where nothing
            can name it (a lambda, a class of a notebook): another process must then be given the
            environment
    single  there is one environment and no way to make another: num_envs=1, eval_envs=0
    """

    def __init__(
        self, vectors: Vectors, id: str | None, record: Record | None, single: bool = False
    ) -> None:
        self._vectors, self._id = vectors, id
        self.record, self.single = record, single
        self.channels: Seen = None

    def __call__(
        self, *, num_envs: int, seed: int, drawn: bool = False, workers: int = 0
    ) -> VectorEnv:
        """`num_envs` environments, seeded.

        drawn    `render` will be asked for
        workers  processes in which Gymnasium's are stepped; 0: this one; environments side by side
                 in one array, and one that cannot be made again, stay in this one

        UserError where they cannot be made so.
        """
        require_room(num_envs)
        if self.single and num_envs > 1:
            raise UserError(
                f"num_envs = {num_envs} of one environment that cannot be made again: give "
                "`num_envs=1`, or a class or function"
            )
        if workers and not self.single:
            from envs.workers import GymWorkers

            again = self._again(drawn)
            vector = functools.partial(
                GymWorkers, workers=workers, again=again, channels=self.channels
            )
            return self._vectors(num_envs=num_envs, seed=seed, drawn=drawn, vector=vector)
        envs = self._vectors(num_envs=num_envs, seed=seed, drawn=drawn)
        if isinstance(envs, GymVector):
            if self.channels is not None:
                envs.see(self.channels)
        elif self.channels == "first":
            raise UserError(
                f"{envs.id} makes its observations itself: `channels` is for Gymnasium's "
                "environments, leave it out"
            )
        return envs

    def seen(self, channels: Seen) -> EnvSource:
        """The same environments, whose pictures have their channels first or last; None: found by
        shape."""
        other = copy.copy(self)
        other.channels = channels
        return other

    def _again(self, drawn: bool) -> Make | None:
        """Makes them in a process that knows nothing of this one; None where it could not."""
        import gymnasium as gym

        if self.record is None:
            return None
        spec = gym.registry.get(self.record["env"])
        if spec is None or "env_spec" in self.record:
            return functools.partial(_anew, self.record, None, drawn)
        entry = spec.entry_point
        if not isinstance(entry, str) or not is_installed(entry.partition(":")[0]):
            return None  # registered by what runs here
        try:
            return functools.partial(_anew, self.record, spec.to_json(), drawn)
        except (TypeError, ValueError):  # classes and functions have no JSON
            return None

    @property
    def id(self) -> str:
        """Its name, for presets and titles.  A function is called once to find out."""
        if self._id is None:
            envs = self(num_envs=1, seed=0)
            self._id = envs.id
            close(envs)
        return self._id

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """From another's `record`.  It imports the modules and files that the record names.

        UserError where it is no record, or what it names is not there.
        """
        if not isinstance(record, Mapping) or not record.keys() <= RECORD or "env" not in record:
            raise UserError(f"{record!r:.80} is no record of an environment")
        env, spec = record["env"], record.get("env_spec")
        kwargs, wrappers = record.get("env_kwargs", {}), record.get("wrappers", [])
        if not isinstance(env, str) or not (spec is None or isinstance(spec, str)):
            raise UserError(f"{env!r:.80} is no name of an environment")
        if not isinstance(wrappers, list) or not all(isinstance(w, str) for w in wrappers):
            raise UserError(f"wrappers should be a list of names, found {wrappers!r:.80}")
        if spec is not None:
            from gymnasium.envs.registration import EnvSpec

            try:
                return cls(*_of_spec(EnvSpec.from_json(spec)))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise UserError(f"the spec of {env} cannot be read ({said(error)})") from error
        made = source(env, kwargs, wrappers)
        return cls(made._vectors, made._id, made.record)


def source(
    env: Any, kwargs: Mapping[str, Any] | None = None, wrappers: Sequence[Any] = ()
) -> EnvSource:
    """What makes these environments.

    env       an id: ours, Gymnasium's, MinAtar/…, ALE/…, or module:Id, whose module is imported
              and registers it; it is looked for in the current directory too, as by `python -m`
              a name: my_env.py:MyEnv, my_env:MyEnv (a class or a function)
              a Gymnasium class; a function without arguments that makes an env; a partial of them
              a class (or function) of environments side by side, called with num_envs and seed;
              one of Gymnasium's VectorEnv, called with num_envs
              an env: cloned by its spec; without one it is used itself (EnvWarning, `single`)
    kwargs    for gymnasium.make, the class, or the function: a mapping of JSON values
    wrappers  classes, or names of them, put around each env in this order

    UserError in one line where it is none of these.
    """
    kwargs = checked_kwargs(kwargs)
    if isinstance(env, EnvSource):
        if kwargs or wrappers:
            raise UserError("env_kwargs and wrappers belong to what the environment is made from")
        return env
    around = [named_wrapper(wrapper) for wrapper in wrappers]
    if isinstance(env, str):
        return _of_name(env, kwargs, around)
    while isinstance(env, functools.partial) and not env.args:
        env, kwargs = env.func, {**env.keywords, **kwargs}
    if callable(env) and not is_env(env):
        return _of_callable(env, kwargs, around, called(env))
    if is_env(env):
        if kwargs or around:
            raise UserError(
                "env_kwargs and wrappers need an id, a class or a function; this env is made "
                "already: wrap it yourself"
            )
        return _of_env(env)
    raise UserError(
        f"{env!r:.80} is no environment: give an id ('CartPole-v1'), a class, a function that "
        "makes one, or a gymnasium.Env"
    )


def _anew(
    record: Record, spec: str | None, drawn: bool, *, num_envs: int, seed: int, vector: Vector
) -> Any:
    """Environments of a record, in another process.

    spec  by which its id is registered, if it is not
    """
    import gymnasium as gym
    from gymnasium.envs.registration import EnvSpec

    if spec is not None and record["env"] not in gym.registry:
        gym.registry[record["env"]] = EnvSpec.from_json(spec)
    made = EnvSource.from_record(record)
    return made._vectors(num_envs=num_envs, seed=seed, drawn=drawn, vector=vector)


# -- the kinds ------------------------------------------------------------------------------------
def _of_name(name: str, kwargs: dict[str, Any], around: Around) -> EnvSource:
    """An id, module:Id, module:Name, file.py:Name or file.py:Id."""
    name = name.removeprefix("gymnasium:")
    if ":" not in name and not is_file(name):
        return _of_id(resolve(name), kwargs, around)
    import gymnasium as gym

    where, what = split(name)
    module = module_of(where, by_stem=not what.isidentifier())
    file = getattr(module, "__file__", None)
    lasting = name
    if file is not None and (is_file(name) or not is_installed(module.__name__)):
        lasting = f"{file}:{what}"
    found = getattr(module, what.partition(".")[0], None)
    if found is None and what in gym.registry:
        return _of_id(name, kwargs, around, lasting, what)
    if found is None and not what.isidentifier():
        raise UserError(f"unknown environment {name!r}: {where} {_not_registered(what)}")
    return _of_callable(thing(name), kwargs, around, what, lasting)


def _not_registered(id: str) -> str:
    """What to do about an id that its module does not tell Gymnasium."""
    old = sys.modules.get("gym.envs.registration")
    ids = getattr(old, "registry", {})
    if id in getattr(ids, "env_specs", ids):
        return (
            "registers it with the old gym package, not with Gymnasium: give a function that "
            "returns shimmy.GymV21CompatibilityV0(env=…), or GymV26CompatibilityV0"
        )
    return "does not register it" + asked(nearest_ids(id, 1, there=False))


def _of_id(
    id: str, kwargs: dict[str, Any], around: Around, lasting: str | None = None, bare: str = ""
) -> EnvSource:
    """id: in full, perhaps with its module;  bare: without it."""
    if around and is_own(id):
        raise UserError(
            f"{id} is one of our own, all of them in one array, which wrappers do not go around: "
            "give a function that makes a gymnasium.Env"
        )

    def vectors(
        *, num_envs: int, seed: int, drawn: bool = False, vector: Vectors = GymVector
    ) -> VectorEnv:
        if not around and not bare:
            return make(id, num_envs, seed, drawn, kwargs=kwargs, vector=vector)
        build = functools.partial(gymnasiums, bare or id, drawn, kwargs)
        return vector(id, num_envs, seed, wrapped_in(build, around))

    return EnvSource(vectors, id, record_of(lasting or id, kwargs, around))


def _of_callable(
    env: Any, kwargs: dict[str, Any], around: Around, name: str, lasting: str | None = None
) -> EnvSource:
    """A class or a function: of one env, or of environments side by side."""
    if not callable(env):
        raise UserError(f"{name} is no class and no function, but of type {type(env).__name__}")
    id = getattr(env, "id", None)
    if isinstance(id, str) and id in OURS and env is own_class(id):
        return _of_id(id, kwargs, around)
    record = record_of(lasting or name_of(env), kwargs, around)
    takes = parameters(env)
    if is_vector(env, takes):
        if around:
            raise UserError(f"{name} makes environments side by side: wrappers do not go around it")
        settings = dict(kwargs)

        def vectors(
            *, num_envs: int, seed: int, drawn: bool = False, vector: Vectors = GymVector
        ) -> VectorEnv:
            given = settings | ({"drawn": drawn} if takes_name(takes, "drawn") else {})
            try:
                return arrays(env(num_envs=num_envs, seed=seed, **given))
            except TypeError as error:
                raise UserError(f"{name} cannot be made so ({error})") from error

        if not isinstance(id, str):
            id = name if isinstance(env, type) else None
        return EnvSource(vectors, id or name, record)
    if is_gymnasiums_vector(env):
        return EnvSource(_gymnasiums_vectors(env, kwargs, around, name), name, record)
    require_fitting(env, kwargs, name)

    def of_gymnasium(
        *, num_envs: int, seed: int, drawn: bool = False, vector: Vectors = GymVector
    ) -> VectorEnv:
        given = dict(kwargs)
        modes = (getattr(env, "metadata", None) or {}).get("render_modes", ["rgb_array"])
        if drawn and takes is not None and "render_mode" in takes and "rgb_array" in modes:
            given.setdefault("render_mode", "rgb_array")
        build = functools.partial(env, **given) if given else env
        return vector(None, num_envs, seed, wrapped_in(build, around))

    return EnvSource(of_gymnasium, name if isinstance(env, type) else None, record)


def _gymnasiums_vectors(env: Any, kwargs: dict[str, Any], around: Around, name: str) -> Vectors:
    """Of a class of Gymnasium's VectorEnv."""
    if around:
        raise UserError(f"{name} makes environments side by side: wrappers do not go around it")
    takes = parameters(env)
    if not takes_name(takes, "num_envs"):
        raise UserError(
            f"{name} is of Gymnasium's VectorEnv, but takes no num_envs: let its __init__ take it, "
            "or give a function that makes a gymnasium.Env"
        )

    def vectors(
        *, num_envs: int, seed: int, drawn: bool = False, vector: Vectors = GymVector
    ) -> VectorEnv:
        given: dict[str, Any] = {"num_envs": num_envs, **kwargs}
        if drawn and takes_name(takes, "render_mode"):
            given.setdefault("render_mode", "rgb_array")
        require_fitting(env, given, name)
        return GymnasiumVector(None, functools.partial(env, **given), num_envs, seed)

    return vectors


def _of_env(env: Any) -> EnvSource:
    """One that is made already."""
    import gymnasium as gym

    if isinstance(env, gym.vector.VectorEnv) or hasattr(env, "num_envs"):
        raise UserError(
            f"{type(env).__name__} is many environments: give one, or its class or id, and num_envs"
        )
    spec = copy.deepcopy(getattr(env, "spec", None))
    if spec is not None and spec.entry_point is not None:
        spec.kwargs.pop("render_mode", None)
        spec.disable_env_checker = getattr(
            gym.registry.get(spec.id), "disable_env_checker", spec.disable_env_checker
        )
        if spec == gym.registry.get(spec.id):
            return _of_id(resolve(spec.id), {}, [])
        with_spec = _can_clone(spec)
        if with_spec:
            return EnvSource(*_of_spec(spec))
    name = own_name(env)
    warnings.warn(
        f"{name} has no spec by which it could be made again: this one env is used itself, with "
        "`num_envs=1` and `eval_envs=0`; give its class or a function for more",
        EnvWarning,
        stacklevel=3,
    )

    def vectors(*, num_envs: int, seed: int, drawn: bool = False) -> VectorEnv:
        return GymVector(name, num_envs, seed, lambda: env, owned=False)

    return EnvSource(vectors, name, None, single=True)


def _can_clone(spec: Any) -> bool:
    """Whether all its wrappers told how they were made."""
    return all(wrapper.kwargs is not None for wrapper in spec.additional_wrappers)


def _of_spec(spec: Any) -> tuple[Vectors, str, Record | None]:
    """Of an env that was changed since it was registered: other settings, wrappers around it."""
    import gymnasium as gym

    def build(render_mode: str | None) -> Any:
        given: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
        return gym.make(spec, disable_env_checker=True, **given)

    def vectors(
        *, num_envs: int, seed: int, drawn: bool = False, vector: Vectors = GymVector
    ) -> VectorEnv:
        mode = "rgb_array" if drawn else None
        return vector(None, num_envs, seed, functools.partial(build, mode))

    try:
        record = {"env": spec.id, "env_kwargs": {}, "wrappers": [], "env_spec": spec.to_json()}
    except Exception:  # classes and functions have no JSON
        record = None
    places = [spec.entry_point, *(wrapper.entry_point for wrapper in spec.additional_wrappers)]
    if not all(isinstance(p, str) and is_installed(p.partition(":")[0]) for p in places):
        record = None
    return vectors, spec.id, record
