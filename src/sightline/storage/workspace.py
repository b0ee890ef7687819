"""The workspace: the artifacts root, its paths, and who is using it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sightline.errors import InputError, StorageError
from sightline.storage import claims, files, locks, object_store, replica, usage
from sightline.storage.claims import ClaimedError, HeldClaim
from sightline.storage.object_store import ObjectStore
from sightline.storage.store_url import check_url, is_url

LOCK = ".at-work.lock"  # The file that tells that a folder is a workspace


@dataclass(frozen=True)
class Workspace:
    """The artifacts root, which holds everything that runs produce and share.

    It is a folder, or a place on object storage, of which `root` is then a local replica.

    Runs hold a shared lock on the folder and `prune` an exclusive one. The kernel releases the lock
    of a process that dies, so a killed run never blocks a clean-up. Between machines, claims in the
    object store do the same; those of a process that dies end after two minutes.
    """

    root: Path  # Path of the folder
    url: str | None = None  # URL on object storage; None if the folder is all there is

    @classmethod
    def open(cls, given: str) -> Self:
        """Return the workspace that a path or a URL names; nothing is created or connected.

        Raises InputError if it is a file, or a URL that cannot be used.
        """
        if is_url(given):
            url = check_url(given)
            if url.startswith(("memory:", "file:")):  # for tests; the first ends with the process
                raise InputError(
                    f"{given} cannot hold artifacts; expected s3://, gs:// or az:// with bucket "
                    "and prefix, or the path of a folder."
                )
            return cls(replica.folder(url), url)
        root = Path(given).resolve()
        if root.is_file():
            raise InputError(f"{root} is a file; expected a folder.")
        return cls(root)

    def __str__(self) -> str:
        """Return the URL or the path, for messages."""
        return self.url or str(self.root)

    @property
    def option(self) -> str:
        """How the user chooses another folder than `root`, for messages."""
        return replica.VARIABLE if self.url else files.ROOT_OPTION

    @property
    def store(self) -> ObjectStore | None:
        """The object store of the URL; None if the folder is all there is.

        Raises StorageError if a library is missing or its endpoint cannot be used.
        """
        return object_store.open_store(self.url) if self.url else None

    def storage_errors(self) -> AbstractContextManager[None]:
        """Convert errors of writes below `root`, as `files.storage_errors` does."""
        return files.storage_errors(self.root, self.option)

    def path(self, relative: str) -> Path:
        """Return the path of a file that a record names relative to the root."""
        return self.root / relative

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep clean-ups out while files are written, read or pinned; may be nested.

        Creates the root if it is missing, and waits for a running clean-up to end. Raises
        StorageError if the root is not writable.
        """
        with ExitStack() as stack:
            with self.storage_errors():
                waiting = f"Waiting for the clean-up of {self} to end"
                stack.enter_context(locks.shared(self.root / LOCK, waiting))
            if self.store:
                stack.enter_context(usage.in_use(self.store, self.root, waiting))
            yield

    @contextmanager
    def exclusive(self) -> Iterator[HeldClaim | None]:
        """Use the workspace exclusively; runs that start in the meantime wait.

        Yields the claim on the object storage, if there is one; check it before each change.

        Raises InputError if a run is using it, and StorageError if the root is not writable.
        """
        claim = None
        with ExitStack() as stack:
            with self.storage_errors():
                acquired = stack.enter_context(locks.alone_if_free(self.root / LOCK))
            if not acquired:
                raise InputError(f"A run is using {self}; prune when it has ended.")
            try:
                if self.store:
                    claim = stack.enter_context(usage.clean_up(self.store, self.root))
            except ClaimedError as other:
                raise InputError(
                    f"{other.claim.by} is using {self}; prune when that has ended. The claim of a "
                    f"run that was killed ends after {claims.EXPIRES_SECONDS} seconds."
                ) from None
            yield claim

    def is_in_use(self) -> bool:
        """Return whether a run is using the workspace; writes nothing."""
        if self.store and usage.is_in_use(self.store):
            return True
        if not (self.root / LOCK).exists():
            return False
        with (
            self.storage_errors(),
            locks.alone_if_free(self.root / LOCK) as free,
        ):
            return not free

    def check_writable(self) -> None:
        """Create the root if it is missing; raise a StorageError if it cannot be written.

        BusyStorageError means that the object storage does not answer.
        """
        try:
            with self.storage_errors():
                self.root.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.root) as file:
                    file.write(b"sightline")
                os.close(os.open(self.root / LOCK, os.O_CREAT | os.O_NOFOLLOW, 0o666))
        except OSError as error:  # such as a file in its place
            raise StorageError(
                f"{self.root} cannot be used ({error.strerror}); choose another folder with "
                f"{self.option}."
            ) from None
        if self.store:
            self.store.write(LOCK, b"sightline")

    def check_room(self, needed: int, purpose: str) -> None:
        """Raise a StorageError if fewer bytes are free; `purpose` is its subject, in the plural."""
        free = files.free_bytes(self.root)
        if needed > free:
            raise StorageError(
                f"{purpose} need {needed:,} bytes under {self.root}, but only {free:,} are free; "
                f"free up space, or choose another folder with {self.option}."
            )
