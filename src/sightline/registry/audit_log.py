"""The audit log of a data set: one file an event, chained by digests; events are only added."""

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sightline.errors import BusyStorageError, InputError, StorageError
from sightline.records import Record
from sightline.registry import documents, paths
from sightline.registry.events import Action, Event, State
from sightline.storage import sync
from sightline.storage.author import author
from sightline.storage.workspace import Workspace

_FILE_NAME = re.compile(r"(?!0{6})[0-9]{6}\.json|[1-9][0-9]{6,8}\.json")
_ATTEMPTS = 10
P = ParamSpec("P")
R = TypeVar("R")
_log = logging.getLogger(__name__)


class _LastEvent(Record):
    """The number of the last event and the digest of its file."""

    number: int
    event_sha256: str


class OvertakenError(BusyStorageError):
    """Another machine changed the registry after it was read."""

    def __init__(self, workspace: Workspace, dataset: str) -> None:
        """Say what to do if it happens again and again."""
        super().__init__(
            f"Other machines change the models of {dataset} in {workspace} all the time; run again."
        )


@dataclass(frozen=True)
class EventLog:
    """All events of a data set, verified, the oldest first, and what they amount to."""

    dataset: str
    events: tuple[Event, ...] = ()
    sha256: str | None = None  # of the last event's file
    state: State = field(default_factory=State)

    def last(self, matches: Callable[[Event], bool]) -> Event | None:
        """Return the last event that matches, if any."""
        return next((event for event in reversed(self.events) if matches(event)), None)

    def last_of(self, action: Action, version: str) -> Event | None:
        """Return the last such event of a version, if any."""
        return self.last(lambda event: (event.action, event.version) == (action, version))

    def next_link(self) -> dict[str, Any]:
        """Return the fields that chain the next event to these, by name."""
        return {
            "number": len(self.events) + 1,
            "dataset": self.dataset,
            "previous_sha256": self.sha256,
            "champion_before": self.state.champion,
        }

    def extended(self, event: Event, sha256: str) -> "EventLog":
        """Return the log with one more event; raise ValueError if it does not follow."""
        for name, expected in self.next_link().items():
            _require_equal(name, expected, getattr(event, name))
        state = self.state.after(event.action, event.version)
        _require_equal("champion_after", state.champion, event.champion_after)
        return EventLog(self.dataset, (*self.events, event), sha256, state)


def read(workspace: Workspace, dataset: str) -> EventLog:
    """Read the events of a data set; raise InputError if any was changed, removed or inserted.

    With an object store they are read from there, not only from its replica.
    """
    folder = paths.home(workspace, dataset)
    if workspace.store:
        _pull(workspace, dataset)
    last = _read_last_event(folder)  # before the events: writers update it after adding one
    log = EventLog(dataset)
    count = max((number for _, number in _files(folder) if number), default=0)
    for number in range(1, count + 1):
        path = _path(folder, number)
        event, sha256 = documents.read(path, Event)
        try:
            if last and last.number == number:
                _require_equal("SHA-256", last.event_sha256, sha256)
            log = log.extended(event, sha256)
        except ValueError as error:
            raise _damaged(path, str(error)) from None
    if last and last.number > count:
        raise _damaged(_path(folder, last.number), "expected the last event, found no file")
    return log


def history(workspace: Workspace, dataset: str | None = None) -> list[Event]:
    """List the events of one data set or of all, the oldest first; raise InputError as `read`."""
    chosen = paths.datasets(workspace) if dataset is None else [dataset]
    events = [event for name in chosen for event in read(workspace, name).events]
    return sorted(events, key=lambda event: (event.created, event.dataset, event.number))


def append(
    workspace: Workspace, log: EventLog, action: Action, version: str, **details: Any
) -> Event:
    """Add an event; the caller holds the data set's lock, under which it read the log.

    `details` are the fields of `Event` that do not follow from the log; a registration needs its
    version's digest and run. Raises InputError if there already is a file of this number,
    OvertakenError if another machine added one first, ValueError if the event is not possible now,
    and OSError if it cannot be written.
    """
    folder = paths.home(workspace, log.dataset)
    if registration := log.last_of("register", version):
        details["version_sha256"] = registration.version_sha256
        details["run_id"] = registration.run_id
    event = Event(
        **log.next_link(),
        created=datetime.now(UTC),
        who=author(),
        action=action,
        version=version,
        champion_after=log.state.after(action, version).champion,
        **details,
    )
    path = _path(folder, event.number)
    if path.exists() or path.is_symlink():
        raise _damaged(path, "expected no file yet, found a file")
    key = path.relative_to(workspace.root).as_posix()
    if workspace.store and not workspace.store.create(key, documents.dumps(event)):
        raise OvertakenError(workspace, log.dataset)
    sha256 = documents.write(path, event)
    last = folder / paths.LAST_EVENT
    try:
        documents.write(last, _LastEvent(number=event.number, event_sha256=sha256))
        sync.push_file(workspace, last.relative_to(workspace.root).as_posix())
    except (OSError, StorageError) as error:  # the event counts, and the next one updates the file
        _log.warning("%s could not be updated: %s", last, error)
    return event


def again_if_overtaken(change: Callable[P, R]) -> Callable[P, R]:
    """Let a change of the registry, which may be repeated, read the log and decide once more."""

    @wraps(change)
    def changed(*args: P.args, **named: P.kwargs) -> R:
        for _ in range(_ATTEMPTS):
            with suppress(OvertakenError):
                return change(*args, **named)
        return change(*args, **named)

    return changed


def _pull(workspace: Workspace, dataset: str) -> None:
    """Bring the events here, also those that a listing does not name yet."""
    paths.pull(workspace, dataset)
    folder = paths.home(workspace, dataset)
    for path in (_path(folder, number) for number in count(1)):
        key = path.relative_to(workspace.root).as_posix()
        if not path.exists() and not sync.pull_file(workspace, key):
            return


def unexpected_files(workspace: Workspace, dataset: str) -> list[Path]:
    """List the files among the events that are none."""
    return sorted(path for path, number in _files(paths.home(workspace, dataset)) if not number)


def _require_equal(name: str, expected: object, found: object) -> None:
    if found != expected:
        raise ValueError(f"expected {name} {expected}, found {name} {found}")


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"The audit log is damaged at {path}: {why}. An event was changed, removed or inserted. "
        f"Restore {path.parent} from a copy; until then the data set has neither champion nor "
        "candidate."
    )


def _files(folder: Path) -> list[tuple[Path, int | None]]:
    """List the files among the events with their numbers; None if it is not named like one."""
    audit = folder / "audit"
    return [
        (path, int(path.stem) if _FILE_NAME.fullmatch(path.name) else None)
        for path in (audit.iterdir() if audit.is_dir() else ())
    ]


def _path(folder: Path, number: int) -> Path:
    return folder / "audit" / f"{number:06d}.json"


def _read_last_event(folder: Path) -> _LastEvent | None:
    path = folder / paths.LAST_EVENT
    return documents.read(path, _LastEvent)[0] if path.exists() or path.is_symlink() else None
