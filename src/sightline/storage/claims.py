"""Claims on a workspace in object storage: who uses it, who cleans it up, who makes which run.

A claim ends when its holder releases it, or has not renewed it for EXPIRES_SECONDS; the clocks of
the machines may differ by half of that.
"""

import getpass
import logging
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sightline.errors import StorageError
from sightline.storage import claim_table, replica
from sightline.storage.claim_table import Claim, Claims, read
from sightline.storage.object_store import ObjectStore
from sightline.storage.text import printable

USE, CLEAN_UP = "use/", "clean-up/"
EXPIRES_SECONDS = 120
_RENEW_SECONDS = 30
_POLL_SECONDS = 2
_log = logging.getLogger(__name__)


class ClaimedError(Exception):
    """Another process has a claim that rules this one out."""

    def __init__(self, claim: Claim) -> None:
        """Keep the claim that is in the way."""
        super().__init__(claim.by)
        self.claim = claim


@contextmanager
def held(
    store: ObjectStore, root: Path, name: str, blocked_by: tuple[str, ...], waiting: str = ""
) -> Iterator[None]:
    """Hold a claim, which a thread renews; a process may hold the same one several times.

    Claims of other replicas whose names start with one of `blocked_by` rule it out; in one's own
    replica, locks do that. Then it logs `waiting` and waits, or raises ClaimedError if that is
    empty.
    """
    keeper = _keeper(store, root)
    while True:
        try:
            keeper.acquire(name, blocked_by)
            break
        except ClaimedError:
            if not waiting:
                raise
        _log.warning(waiting)
        while keeper.find(read(store), blocked_by):
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        keeper.release(name)


@contextmanager
def in_use(store: ObjectStore, root: Path, waiting: str) -> Iterator[None]:
    """Keep clean-ups out; wait for one of another replica."""
    with held(store, root, f"{USE}{_keeper(store, root).process}", (CLEAN_UP,), waiting):
        yield


@contextmanager
def clean_up(store: ObjectStore, root: Path) -> Iterator[None]:
    """Keep other replicas out; raise ClaimedError if one is used."""
    with held(store, root, CLEAN_UP, (USE, CLEAN_UP)):
        yield


def author() -> str:
    """Return SIGHTLINE_USER, or the login name and the host: 1 to 200 printable characters."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        login = f"uid-{os.getuid()}"
    return printable(os.environ.get("SIGHTLINE_USER") or f"{login}@{socket.gethostname()}")[:200]


def is_in_use(store: ObjectStore) -> bool:
    """Return whether a process uses the workspace."""
    return any(name.startswith(USE) for name in read(store))


def check(store: ObjectStore, root: Path) -> None:
    """Raise StorageError if this process could not always renew its claims in time."""
    _keeper(store, root).check()


def is_lost(store: ObjectStore, root: Path, name: str) -> bool:
    """Return whether another process has taken over a claim."""
    claim = read(store).get(name)
    return claim is not None and claim.process != _keeper(store, root).process


class _Keeper:
    """The claims of this process in one store."""

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store, self._place = store, place
        self.process = uuid.uuid4().hex[:12]
        self._names: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._renewed = 0.0, 0.0  # By both clocks: one may be set, one stands still in a suspension
        self._lost = False
        self._ended = threading.Event()

    def find(self, claims: Claims, names: tuple[str, ...]) -> Claim | None:
        """Find a claim of another replica whose name starts with one of these."""
        others = ((name, one) for name, one in claims.items() if one.place != self._place)
        return next((one for name, one in others if name.startswith(names)), None)

    def acquire(self, name: str, blocked_by: tuple[str, ...]) -> None:
        with self._lock:
            if not self._names[name]:
                self._change(lambda claims: self._add(claims, name, blocked_by))
                self._lost = self._lost and bool(self._names)
            self._names[name] += 1
            if self._names.total() == 1:
                self._ended = threading.Event()
                threading.Thread(target=self._renew, args=(self._ended,), daemon=True).start()

    def release(self, name: str) -> None:
        with self._lock:
            self._names[name] -= 1
            self._names = +self._names
            if not self._names:
                self._ended.set()
            if not self._names[name]:
                with suppress(StorageError):  # it expires
                    self._change(lambda claims: self._remove(claims, name))

    def check(self) -> None:
        silent = max(now - then for now, then in zip(_clocks(), self._renewed, strict=True))
        if self._lost or silent > EXPIRES_SECONDS / 2:
            raise StorageError(
                f"The claim on {self._store.url} could not be renewed in time, so another machine "
                "may use it now; nothing more was changed. Run again."
            )

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(_RENEW_SECONDS):
            with suppress(StorageError), self._lock:  # another attempt follows
                if not ended.is_set():
                    self._change(self._add_all)

    def _add_all(self, claims: Claims) -> None:
        for name in self._names:
            own = name in claims and claims[name].process == self.process
            self._lost = self._lost or not own
            if own or name not in claims:
                self._add(claims, name, ())

    def _add(self, claims: Claims, name: str, blocked_by: tuple[str, ...]) -> None:
        if claim := self.find(claims, blocked_by):
            raise ClaimedError(claim)
        until = time.time() + EXPIRES_SECONDS
        claims[name] = Claim(self._place, self.process, author(), until)

    def _remove(self, claims: Claims, name: str) -> None:
        if name in claims and claims[name].process == self.process:
            del claims[name]

    def _change(self, apply: Callable[[Claims], None]) -> None:
        started = _clocks()
        claim_table.change(self._store, apply)
        self._renewed = started


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()


_keepers: dict[tuple[str, Path], _Keeper] = {}
_one_at_a_time = threading.Lock()


def _keeper(store: ObjectStore, root: Path) -> _Keeper:
    key = (store.url, root)
    with _one_at_a_time:
        if key not in _keepers:
            _keepers[key] = _Keeper(store, replica.identity(root))
        return _keepers[key]
