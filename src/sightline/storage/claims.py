"""Claims on a workspace in object storage: who uses it, cleans it up, makes a run or an entry.

A claim is an object, `claims/<name>`, that is created only if there is none, and replaced only if
nobody else has replaced it. Its holder renews it; it ends when it is deleted, or was not renewed
for EXPIRES_SECONDS. The clocks of the machines may differ by half of that.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sightline.errors import StorageError
from sightline.storage import conditions, replica
from sightline.storage.author import author
from sightline.storage.object_store import ObjectStore

FOLDER = "claims/"
EXPIRES_SECONDS = 120
RENEW_SECONDS = 30
POLL_SECONDS = 2
RELEASE_SECONDS = 5  # Longest wait for a release, after which the claim expires
_PROCESS = uuid.uuid4().hex[:12]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """A claim of one process."""

    place: str  # The replica that the process works in; a lock tells whether others there are alive
    process: str
    by: str  # Login and host, for messages
    until: float  # Seconds since 1970: when it ends unless it is renewed

    @property
    def ended(self) -> bool:
        """Whether it was not renewed in time."""
        return self.until <= time.time()


class ClaimedError(Exception):
    """Another process has a claim that rules this one out."""

    def __init__(self, claim: Claim) -> None:
        """Keep the claim that is in the way."""
        super().__init__(claim.by)
        self.claim = claim


class HeldClaim:
    """A claim of this process, which a thread renews."""

    def __init__(self, store: ObjectStore, root: Path, name: str) -> None:
        """Bind to a name; nothing is written yet."""
        self.place = replica.identity(root)
        self._store, self._key = store, f"{FOLDER}{name}"
        self._renewed = 0.0, 0.0  # By both clocks: one may be set, one stands still in a suspension
        self._lost = False
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._renew, daemon=True)

    def acquire(self) -> None:
        """Write the claim; raise ClaimedError if another replica has it.

        That of a process of this replica is taken over, since a lock tells that it has ended.
        """
        conditions.check(self._store)
        while not self._write(None):
            found = self._store.read_tagged(self._key)
            if found is None:
                continue
            claim = _parse(self._store, self._key, found[0])
            if claim.place != self.place and not claim.ended:
                raise ClaimedError(claim)
            if self._write(found[1]):
                break
        self._renewal.start()

    def release(self) -> None:
        """Delete the claim; if the service does not answer soon, it expires."""
        self._ended.set()
        self._renewal.join(RELEASE_SECONDS)

    def check(self) -> None:
        """Raise StorageError if the claim could not always be renewed in time."""
        if self._lost or self._silent():
            raise StorageError(
                f"The claim on {self._store.url} could not be renewed in time, so another machine "
                "may use it now; nothing more was changed. Run again."
            )

    def _silent(self) -> bool:
        """Return whether another machine may hold the claim, or will before a request is done."""
        silent = max(now - then for now, then in zip(_clocks(), self._renewed, strict=True))
        return silent > EXPIRES_SECONDS / 2

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            with suppress(StorageError):  # another attempt follows
                found = self._store.read_tagged(self._key)
                own = found is not None and self._is_own(found[0])
                if not own and not self._lost:
                    _log.warning("The claim %s was not renewed in time", self._key)
                self._lost = self._lost or not own
                if own or found is None:
                    self._write(found[1] if found else None)
        if not self._silent():  # else another machine may take it over at this moment
            with suppress(StorageError):  # it expires
                found = self._store.read_tagged(self._key)
                if found and self._is_own(found[0]):
                    self._store.delete(self._key)

    def _is_own(self, content: bytes) -> bool:
        return _is_own(_parse(self._store, self._key, content), self.place)

    def _write(self, tag: str | None) -> bool:
        """Replace the object with this tag, or create it; return whether that was possible."""
        started = _clocks()
        claim = Claim(self.place, _PROCESS, author(), time.time() + EXPIRES_SECONDS)
        content = json.dumps(asdict(claim)).encode()
        if tag is None:
            done = self._store.create(self._key, content)
        else:
            done = self._store.replace(self._key, content, tag)
        if done:
            self._renewed = started
        return done


@contextmanager
def held(store: ObjectStore, root: Path, name: str, waiting: str = "") -> Iterator[HeldClaim]:
    """Hold a claim. If another replica has it, log `waiting` and wait, or raise ClaimedError."""
    claim = HeldClaim(store, root, name)
    while True:
        try:
            claim.acquire()
            break
        except ClaimedError:
            if not waiting:
                raise
        _log.warning(waiting)
        while find(store, name):
            time.sleep(POLL_SECONDS)
    try:
        yield claim
    finally:
        claim.release()


def find(store: ObjectStore, name: str) -> Claim | None:
    """Return the claim of a name; None if there is none or it has ended."""
    content = store.read(f"{FOLDER}{name}")
    claim = None if content is None else _parse(store, f"{FOLDER}{name}", content)
    return None if claim is None or claim.ended else claim


def names(store: ObjectStore, prefix: str = "") -> list[str]:
    """List the names of claims below a prefix that ends at a slash, ended or not."""
    return [one.key.removeprefix(FOLDER) for one in store.list(f"{FOLDER}{prefix}")]


def is_lost(store: ObjectStore, root: Path, name: str) -> bool:
    """Return whether another process has taken over a claim of this one."""
    claim = find(store, name)
    return claim is not None and not _is_own(claim, replica.identity(root))


def remove_ended(store: ObjectStore) -> None:
    """Remove what killed processes left; hold a clean-up, so that nobody takes it over."""
    for name in names(store):
        if find(store, name) is None:
            store.delete(f"{FOLDER}{name}")


def _is_own(claim: Claim, place: str) -> bool:
    return (claim.place, claim.process) == (place, _PROCESS)


def _parse(store: ObjectStore, key: str, content: bytes) -> Claim:
    try:
        return Claim(**json.loads(content))
    except (ValueError, TypeError):
        raise StorageError(
            f"{store.url}/{key} is damaged; delete it when no run is active."
        ) from None


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()
