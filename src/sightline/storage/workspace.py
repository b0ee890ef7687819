"""The workspace: the artifacts root, the folders below it, and who may work in it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import InputError
from sightline.storage import files, locks

_LOCK = ".at-work.lock"


@dataclass(frozen=True)
class Workspace:
    """An artifacts root: what runs produce and share lies below it.

    Runs share a lock on it, and a clean-up takes the lock alone. The kernel releases the lock
    when its holder dies, so a killed run never keeps a clean-up out.

    Attributes:
        workspace: The folder's path.
    """

    root: Path

    def __str__(self) -> str:
        """Return the path, for messages."""
        return str(self.root)

    def path(self, relative: str) -> Path:
        """Return the path of what a record names by its path relative to the root."""
        return self.root / relative

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep a clean-up out while files are written, read or pinned; may be nested.

        The root is created if it is missing. If a clean-up is running, wait for it to end.

        Raises:
            StorageError: The root cannot be written.
        """
        with ExitStack() as held:
            with files.storage_errors(self.root):
                waiting = f"Waiting for the clean-up of {self} to end"
                held.enter_context(locks.shared(self.root / _LOCK, waiting))
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Have the workspace alone; a run that starts meanwhile waits.

        Raises:
            InputError: A run is using the workspace.
            StorageError: The root cannot be written.
        """
        with ExitStack() as held:
            with files.storage_errors(self.root):
                alone = held.enter_context(locks.alone_if_free(self.root / _LOCK))
            if not alone:
                raise InputError(f"A run is using {self}; prune when it has ended.")
            yield

    def is_in_use(self) -> bool:
        """Return whether a run is using the workspace; writes nothing."""
        if not (self.root / _LOCK).exists():
            return False
        with files.storage_errors(self.root), locks.alone_if_free(self.root / _LOCK) as alone:
            return not alone

    def check_writable(self) -> None:
        """Check that the root can be created and written.

        Raises:
            StorageError: It cannot.
        """
        files.check_writable(self.root)

    def check_room(self, needed: int, purpose: str) -> None:
        """Check that there is enough free disk.

        Args:
            needed: Bytes that are about to be written.
            purpose: What for; the subject of the error's sentence.

        Raises:
            StorageError: There is less.
        """
        files.check_room(self.root, needed, purpose)
