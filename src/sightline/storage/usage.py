"""Uses and clean-ups of a workspace in object storage, which exclude each other.

Whoever starts either of them writes its claim first and then looks for claims of the other kind. So
of two that start at once at least one sees the other: the clean-up is refused, or the use waits.
"""

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sightline.storage import claims
from sightline.storage.claims import ClaimedError, HeldClaim
from sightline.storage.object_store import ObjectStore

_USE, _CLEAN_UP = "use/", "clean-up"
_log = logging.getLogger(__name__)


@dataclass
class _Use:
    """The claim that all uses by this process share."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0
    held: ExitStack = field(default_factory=ExitStack)


_uses: defaultdict[tuple[str, Path], _Use] = defaultdict(_Use)


@contextmanager
def in_use(store: ObjectStore, root: Path, waiting: str) -> Iterator[None]:
    """Keep clean-ups out; log `waiting` and wait for one of another replica. May be nested."""
    use = _uses[store.url, root]
    with use.lock:
        if not use.count:
            use.held.enter_context(_claimed(store, root, waiting))
        use.count += 1
    try:
        yield
    finally:
        with use.lock:
            use.count -= 1
            if not use.count:
                use.held.close()


@contextmanager
def clean_up(store: ObjectStore, root: Path) -> Iterator[HeldClaim]:
    """Keep other replicas out; raise ClaimedError if one uses the workspace or cleans it up."""
    with claims.held(store, root, _CLEAN_UP) as own:
        for name in claims.names(store, _USE):
            user = claims.find(store, name)
            if user and user.place != own.place:
                raise ClaimedError(user)
        yield own


def is_in_use(store: ObjectStore) -> bool:
    """Return whether a process uses the workspace."""
    return any(claims.find(store, name) for name in claims.names(store, _USE))


@contextmanager
def _claimed(store: ObjectStore, root: Path, waiting: str) -> Iterator[None]:
    with claims.held(store, root, f"{_USE}{uuid.uuid4().hex[:12]}") as own:
        message = waiting
        while (other := claims.find(store, _CLEAN_UP)) and other.place != own.place:
            if message:
                _log.warning(message)
            message = ""
            time.sleep(claims.POLL_SECONDS)
        yield
