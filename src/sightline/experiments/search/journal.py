"""The journal of a study: a file of Optuna's to which lines are added, whole or not at all."""

from pathlib import Path
from typing import Any

from sightline.errors import ConfigError, InputError
from sightline.storage import files
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
    is on object storage and has a journal that is missing here, it is downloaded. Raises InputError
    if it cannot be read, ConfigError as `load_optuna`.
    """
    load_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if not path.exists() and (store := workspace.store) is not None:
        with files.new_file(path) as temporary:
            store.download(path.relative_to(workspace.root).as_posix(), temporary)
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        with files.new_file(path) as temporary:
            temporary.write_bytes(content[: content.rfind(b"\n") + 1])
    lock: Any = _NoLock()
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            f"{path} cannot be read as the journal of a search ({error}). Restore it from a "
            "backup, or choose another --name."
        ) from None
