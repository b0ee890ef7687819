"""The journal of a study: a file of Optuna's to which lines are added, whole or not at all.

On object storage, one machine at a time writes it there.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sightline.errors import ConfigError, InputError
from sightline.storage import claims, files
from sightline.storage.claims import ClaimedError
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace


class _NoLock:
    """Optuna's own locks outlive a killed process; a lock of the kernel protects the study."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def load_optuna() -> Any:
    """Import Optuna; raise ConfigError if it is not installed."""
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "A hyperparameter search needs the package optuna; install Sightline with its extra: "
            'pip install "sightline[tune]".'
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def opened(workspace: Workspace, path: Path) -> Any:
    """Open or create the journal of a study that this process has locked, as Optuna's storage.

    What a killed process has not written to the end of its line is removed. If the artifacts root
    is on object storage, the journal there wins, unless the one here only goes on where it ends.
    Raises InputError if it cannot be read, ConfigError as `load_optuna`.
    """
    load_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    found = content = path.read_bytes() if path.exists() else b""
    if workspace.store is not None:
        content = _newest(workspace.store, path.relative_to(workspace.root).as_posix(), content)
    content = content[: content.rfind(b"\n") + 1]
    if content != found:
        with files.new_file(path) as temporary:
            temporary.write_bytes(content)
    lock: Any = _NoLock()
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            f"{path} cannot be read as the journal of a search ({error}). Restore it from a "
            "backup, or choose another --name."
        ) from None


def push(workspace: Workspace, path: Path, name: str) -> None:
    """Copy the journal to the object store, if the artifacts root is there.

    Raises InputError if another machine has taken over the search.
    """
    if (store := workspace.store) is None:
        return
    if claims.is_lost(store, workspace.root, _claim(name)):
        raise InputError(
            f"Another machine continues the search {name!r}, since this one was silent for "
            f"{claims.EXPIRES_SECONDS} seconds; run the same command again when that has ended."
        )
    store.upload(path.relative_to(workspace.root).as_posix(), path)


@contextmanager
def claimed(workspace: Workspace, name: str) -> Iterator[None]:
    """Keep other machines out of a search, if the artifacts root is on object storage.

    Raises InputError if one of them uses it.
    """
    with ExitStack() as held:
        if store := workspace.store:
            claim = _claim(name)
            try:
                held.enter_context(claims.held(store, workspace.root, claim))
            except ClaimedError as other:
                raise InputError(
                    f"The search {name!r} is active in {workspace}, reserved by {other.claim.by}; "
                    "wait for it to end, or choose another --name. The claim of a command that was "
                    f"killed ends after {claims.EXPIRES_SECONDS} seconds."
                ) from None
        yield


def _claim(name: str) -> str:
    return f"search/{name}"


def _newest(store: ObjectStore, key: str, here: bytes) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        store.download(key, Path(file.name))
        stored = Path(file.name).read_bytes()
    return here if here.startswith(stored) else stored
