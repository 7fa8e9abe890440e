"""Is what `python -m build` made fit to be given away?   python .ci/check_dist.py DIST

Exit code 1 and a line for each fault: metadata that an index would refuse (packaging's rules, those
that an upload is judged by), other versions than pyproject.toml's, files that are missing or have
no business there.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("drl", "agents", "envs")
TOP = {*PACKAGES, "tests", "drl_toolkit.egg-info"}  # directories of the sdist


def faults(dist: Path, root: Path = ROOT) -> list[str]:
    """What is wrong with the two files in `dist`."""
    wheels, sdists = sorted(dist.glob("*.whl")), sorted(dist.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        return [f"{dist} holds {len(wheels)} wheels and {len(sdists)} sdists, not one of each"]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*_wheel(wheels[0], project, root), *_sdist(sdists[0], project)]


def _wheel(path: Path, project: dict, root: Path) -> list[str]:
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        found = [
            f"{path.name}: {name} has no business there"
            for name in names
            if not re.match(rf"({'|'.join(PACKAGES)})/|drl_toolkit-[^/]+\.dist-info/", name)
        ]
        sources = {
            str(source.relative_to(root))
            for package in PACKAGES
            for source in (root / package).rglob("*")
            if source.is_file() and source.suffix != ".so" and "__pycache__" not in source.parts
        }
        found += [f"{path.name}: {name} is missing" for name in sorted(sources - set(names))]
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        if not any(re.search(r"\.dist-info/.*LICENSE$", name) for name in names):
            found.append(f"{path.name}: LICENSE is missing")
        return found + _metadata(path.name, wheel.read(metadata), project)


def _sdist(path: Path, project: dict) -> list[str]:
    with tarfile.open(path) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
        needed = {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"}
        found = [f"{path.name}: {name} is missing" for name in sorted(needed - set(names))]
        directories = {name.partition("/")[0] for name in names if "/" in name}
        found += [
            f"{path.name}: {name}/ has no business there" for name in sorted(directories - TOP)
        ]
        info = sdist.extractfile(f"{sdist.getnames()[0].partition('/')[0]}/PKG-INFO")
        assert info is not None  # a file, or getmember would have raised
        return found + _metadata(path.name, info.read(), project)


def _metadata(name: str, raw: bytes, project: dict) -> list[str]:
    try:
        metadata = Metadata.from_email(raw, validate=True)
    except ExceptionGroup as group:
        return [
            f"{name}: {error}" for error in group.exceptions if isinstance(error, InvalidMetadata)
        ]
    found = []
    if (metadata.name, str(metadata.version)) != (project["name"], project["version"]):
        found.append(f"{name} is {metadata.name} {metadata.version}")
    if not metadata.description or metadata.description_content_type != "text/markdown":
        found.append(f"{name}: README is not its description")
    return found


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or f"{sys.argv[1]}: fit to be given away")
    sys.exit(bool(found))
