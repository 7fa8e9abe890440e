"""Code that a user names: `module:Name`, `file.py:Name`; and the name by which a later process
finds a class or function again."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import site
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from drl.errors import UserError
from drl.raised import said

_importing: list[Path] = []  # files whose code runs right now because a name asked for it
MAINS = ("__main__", "__mp_main__")  # the script itself; the same in a process that was spawned


def importing() -> Path | None:
    """The file that is being imported right now because somebody named it; None: none is.

    Who trains in such a file, outside `if __name__ == "__main__"`, would train whenever a run that
    names it is resumed.
    """
    return _importing[-1] if _importing else None


def is_file(name: str) -> bool:
    """Whether a name is of the form file.py:Name."""
    return ".py:" in name or name.endswith(".py")


def short(name: str) -> str:
    """A name for people: my_env.py:MyEnv of /home/me/my_env.py:MyEnv, any other as it is."""
    where, colon, what = name.rpartition(":")
    return f"{Path(where).name}:{what}" if colon and where.endswith(".py") else name


def has_run(where: str) -> bool:
    """Whether the code of a module or a file has run in this process: it is the script itself, or
    has been imported."""
    if not where.endswith(".py"):
        return where in sys.modules
    file = str(Path(where).expanduser().resolve())
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return _loaded(file) is not None or (script is not None and str(Path(script).resolve()) == file)


def split(name: str) -> tuple[str, str]:
    """module:Name or file.py:Name → its halves.   UserError where one lacks."""
    where, _, what = name.rpartition(":")
    if where and what and not what.endswith(".py") and (is_file(name) or ":" not in where):
        return where, what
    if name.endswith(".py"):
        raise UserError(f"{name} names a file: say what to take from it, as in {name}:Name")
    raise UserError(f"{name!r} is no name: expected module:Name or file.py:Name")


def module_of(where: str, by_stem: bool = False) -> ModuleType:
    """The module of this name or file, imported once per process.

    A name is looked for in the current directory too, as `python -m` does; a file's own directory
    is on sys.path while it is imported, and from then on at the end, for the modules beside it.
    A file gets a module name of its own, so that two files called my_env.py are two modules.

    by_stem  a file is also what `import my_env` gives, unless that is another one already: what it
             registers with Gymnasium may name it so

    UserError where there is none, or its code fails.
    """
    if not where.endswith(".py"):
        with _reachable(Path.cwd()):
            spec = None if "." in where or where in sys.modules else importlib.util.find_spec(where)
            origin = None if spec is None else spec.origin
            with _noted(Path(origin or where)):
                return (origin and _loaded(origin)) or _imported(where, where)
    path = Path(where).expanduser().resolve()
    if not path.is_file():
        raise UserError(f"there is no file {path}: expected a Python file")
    directory, dotted = path.parent, path.stem
    while (directory / "__init__.py").exists():  # of a package: its relative imports need its name
        directory, dotted = directory.parent, f"{directory.name}.{dotted}"
    dotted = dotted.removesuffix(".__init__")
    if (module := _loaded(str(path))) is None:
        with _reachable(directory), _noted(path):
            if "." in dotted or path.stem == "__init__" or (by_stem and dotted not in sys.modules):
                return _imported(dotted, str(path))
            module = _from_file(path)
    if by_stem:
        sys.modules.setdefault(dotted, module)
    return module


def _loaded(file: str) -> ModuleType | None:
    """The module that a file was imported as."""
    for name, module in tuple(sys.modules.items()):
        if getattr(module, "__dict__", {}).get("__file__") == file and name not in MAINS:
            return module
    return None


def _from_file(path: Path) -> ModuleType:
    name = f"{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # a .py file always has a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _in_one_line(str(path)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _imported(module: str, shown: str) -> ModuleType:
    try:
        with _in_one_line(shown):
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not is_missing(module, error):
            raise UserError(f"{shown} needs a package that is not here: {error}") from error
        raise UserError(
            f"Python finds no module {error.name!r}: install it, name its file (my_file.py:Name), "
            "or its directory in PYTHONPATH"
        ) from error


def is_missing(module: str, error: ModuleNotFoundError) -> bool:
    """Whether Python finds no such module, and not a package that the module imports."""
    return error.name is not None and f"{module}.".startswith(f"{error.name}.")


@contextmanager
def _in_one_line(shown: str) -> Iterator[None]:
    try:
        yield
    except (UserError, ModuleNotFoundError):
        raise
    except (Exception, SystemExit) as error:
        told = said(error)
        mend = "mend it"
        if "display" in told.lower():
            mend = "it wants a screen; where there is none, 'xvfb-run -a drl …' gives it one"
        raise UserError(f"{shown} failed when it was imported ({told}): {mend}") from error


@contextmanager
def _reachable(directory: Path) -> Iterator[None]:
    """First on sys.path within the body, last afterwards."""
    entry = str(directory)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
        if entry not in sys.path:
            sys.path.append(entry)


@contextmanager
def _noted(path: Path) -> Iterator[None]:
    _importing.append(path)
    try:
        yield
    finally:
        _importing.pop()


def thing(name: str) -> Any:
    """What module:Name or file.py:Name names; of `file.py:` and a bare module, the module.

    UserError where there is no such thing.
    """
    if name.endswith((".py", ":")) or ":" not in name:
        return module_of(name.removesuffix(":"))
    where, what = split(name)
    found: Any = module_of(where)
    for part in what.split("."):
        if not hasattr(found, part):
            raise UserError(f"{where} has no {what!r}{_offered(found)}")
        found = getattr(found, part)
    return found


def _offered(module: Any) -> str:
    """The classes that are defined in a module, for whoever has mistyped one."""
    own = [
        key for key, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == getattr(module, "__name__", None)
    ]  # fmt: skip
    return f": it has {', '.join(sorted(own)[:6])}" if own else ""


def name_of(what: Any) -> str | None:
    """module:Name of an installed class or function, else /path/of/file.py:Name.

    None where no other process would find it: a lambda, what is defined within a function, in a
    notebook, or on the command line.
    """
    name, qualified = getattr(what, "__module__", None), getattr(what, "__qualname__", "")
    module = sys.modules.get(name or "")
    if module is None or not qualified or "<" in qualified:
        return None
    found: Any = module
    for part in qualified.split("."):
        found = getattr(found, part, None)
    if found is not what:  # decorated away, or replaced
        return None
    if name not in MAINS and is_installed(module.__name__):
        return f"{name}:{qualified}"
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py") or not Path(file).is_file():
        return None
    if name in MAINS and not _at_top_level(Path(file), qualified.partition(".")[0]):
        return None
    return f"{Path(file).resolve()}:{qualified}"


def is_installed(module: str) -> bool:
    """Whether any Python process of this installation finds a module, whatever its directory and
    PYTHONPATH are."""
    top = module.partition(".")[0]
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return True
    loaded = getattr(sys.modules.get(top), "__file__", None)
    spec = PathFinder.find_spec(top, _lasting())
    for finder in sys.meta_path:  # packages installed in place have finders of their own
        if spec is None and getattr(finder, "__module__", "").startswith("__editable__"):
            spec = finder.find_spec(top, None)
    return spec is not None and (loaded is None or spec.origin == loaded)


def _lasting() -> list[str]:
    """Directories that every process of this installation has on sys.path."""
    directories = [*site.getsitepackages(), site.getusersitepackages()]
    for directory in map(Path, tuple(directories)):
        for pth in sorted(directory.glob("*.pth")):
            lines = pth.read_text(encoding="utf-8", errors="replace").splitlines()
            directories += [str(directory / line.strip()) for line in lines if line.strip()]
    return [entry for entry in directories if os.path.isdir(entry)]


def _at_top_level(script: Path, name: str) -> bool:
    """Whether importing a script would define a class or function of this name.  Read, not run."""

    def defines(body: list[ast.stmt]) -> bool:
        for node in body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
                return True
            if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
                continue
            if isinstance(node, (ast.If, ast.Try, ast.With)) and defines(node.body):
                return True
        return False

    try:
        return defines(ast.parse(script.read_text(encoding="utf-8")).body)
    except (OSError, ValueError, SyntaxError):
        return False
