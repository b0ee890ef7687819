"""Who is at work under an artifacts root: runs share it, a clean-up needs it alone.

The lock is `.at-work.lock` under the root; the kernel frees it when its holder dies, so a
killed run never keeps a clean-up out.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sightline.errors import InputError
from sightline.storage import files, locks

_LOCK = ".at-work.lock"


@contextmanager
def at_work(root: Path) -> Iterator[None]:
    """Keep a clean-up out while something is made, read or pinned under a root; may be nested.

    Where a clean-up is going on, its end is waited for.

    Args:
        root: The artifacts root; made where it is missing.

    Raises:
        StorageError: The root cannot be written.
    """
    with ExitStack() as held:
        with files.storage_errors(root):
            waiting = f"Waiting for the clean-up of {root} to end"
            held.enter_context(locks.shared(root / _LOCK, waiting))
        yield


@contextmanager
def nobody_at_work(root: Path) -> Iterator[None]:
    """Have a root alone; whoever begins to work meanwhile waits.

    Args:
        root: The artifacts root.

    Raises:
        InputError: Something is at work there.
        StorageError: The root cannot be written.
    """
    with ExitStack() as held:
        with files.storage_errors(root):
            alone = held.enter_context(locks.alone_if_free(root / _LOCK))
        if not alone:
            raise InputError(f"A run is at work in {root}; prune when it has ended.")
        yield


def is_anybody_at_work(root: Path) -> bool:
    """Tell whether something is at work under a root; leaves nothing behind there."""
    if not (root / _LOCK).exists():
        return False
    with files.storage_errors(root), locks.alone_if_free(root / _LOCK) as alone:
        return not alone
