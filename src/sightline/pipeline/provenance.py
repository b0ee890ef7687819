"""The provenance of results: code, lock file, library versions and machine."""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from sightline.storage import digests

_PACKAGE = "sightline"
_FOLDER = Path(__file__).parents[1]
_ORCHESTRATION = {"flows", "tasks"}
_IMPORT = re.compile(
    rf"^[ \t]*(?:from ({_PACKAGE}[\w.]*) import (\([^)]*\)|.*)|import ({_PACKAGE}[\w.]*))",
    re.MULTILINE,
)
_COMMENT = re.compile("#.*")
_RECORDED = ("tensorflow", "keras", "prefect", "numpy", "pandas", "pyarrow", "pillow")
_RECORDED_VARIABLES = ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS")


def digest_of(*parts: str) -> str:
    """Return the SHA-256 of strings, each terminated by a NUL, as 64 hexadecimal digits."""
    return hashlib.sha256(b"".join(part.encode() + b"\0" for part in parts)).hexdigest()


@functools.cache
def code_digest(module: str) -> str:
    """Digest the source of a module and of every Sightline module that it imports.

    Imports inside functions count, too: a change of any used module changes the digest, a change
    of any other does not.
    """
    sources: dict[str, str] = {}
    _collect(module, sources)
    return digest_of(*(part for name in sorted(sources) for part in (name, sources[name])))


def module_digests(module: str) -> dict[str, str]:
    """Digest the same modules one by one: names to the first 12 hexadecimal digits."""
    sources: dict[str, str] = {}
    _collect(module, sources)
    return {name: digest_of(sources[name])[:12] for name in sorted(sources)}


def package_digest() -> str:
    """Digest the complete source of Sightline except flows and tasks.

    Those decide when a stage runs, not what it computes. Without them the digest is the same in a
    checkout, where they are links, and in an installed package.
    """
    sources = {
        path.relative_to(_FOLDER).as_posix(): path
        for path in _FOLDER.rglob("*")
        if path.suffix in {".py", ".toml", ".j2"}
    }
    kept = sorted(name for name in sources if name.partition("/")[0] not in _ORCHESTRATION)
    return digest_of(*(part for name in kept for part in (name, sources[name].read_text("utf-8"))))


def lock_digest() -> str | None:
    """Digest the lock file of the checkout; None in an installed package."""
    lock = _FOLDER.parents[1] / "deploy" / "locks" / "base.lock"
    return digests.sha256(lock) if lock.is_file() else None


def packages() -> dict[str, Any]:
    """Count and digest all installed packages, as `pip list --format=freeze | sort -u` lists them.

    The bytes are those of that list in the C locale.
    """
    listed = {f"{found.name}=={found.version}\n" for found in importlib.metadata.distributions()}
    return {
        "count": len(listed),
        "sha256": hashlib.sha256("".join(sorted(listed)).encode()).hexdigest(),
    }


def versions(*distributions: str) -> dict[str, str]:
    """Return the versions of those distributions that are installed, by name."""
    found: dict[str, str] = {}
    for name in distributions:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def keras_backend() -> str:
    """Return the backend that Keras would use, without importing Keras."""
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    with suppress(OSError, ValueError, TypeError):
        return str(json.loads((home / "keras.json").read_bytes())["backend"])
    return "tensorflow"


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment() -> dict[str, Any]:
    """Describe the machine and the versions that a run depends on, without secrets.

    Without a lock file, which only a checkout has, all installed packages are digested.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": cores(),
        "versions": versions(_PACKAGE, *_RECORDED),
        **({} if lock_digest() else {"packages": packages()}),
        "variables": {key: os.environ[key] for key in _RECORDED_VARIABLES if key in os.environ},
    }


def _collect(module: str, sources: dict[str, str]) -> None:
    if module in sources or (source := _source_of(module)) is None:
        return
    sources[module] = source
    for imported in _imports(source):
        _collect(imported, sources)


@functools.cache
def _source_of(module: str) -> str | None:
    """Read the source of a module; None if it is none of Sightline's. All stages share it."""
    path = _path_of(module)
    return path.read_text("utf-8") if path else None


@functools.cache
def _imports(source: str) -> frozenset[str]:
    """Find the names below Sightline that a source imports, at any depth.

    The text is searched, which takes a twentieth of the time of parsing it.
    """
    found: set[str] = set()
    for package, names, module in _IMPORT.findall(source):
        listed = _COMMENT.sub("", names).strip("() \n").split(",")
        found.add(package or module)
        found.update(f"{package}.{name.split()[0]}" for name in listed if name.strip())
    return frozenset(found)


def _path_of(module: str) -> Path | None:
    package, *parts = module.split(".")
    if package != _PACKAGE or not parts:
        return None
    place = _FOLDER.joinpath(*parts)
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)
