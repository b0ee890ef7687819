"""The audit log of a data set: one file an event, chained by digests; events are only added."""

import getpass
import logging
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sightline.errors import InputError
from sightline.records import Record
from sightline.registry import documents, paths
from sightline.registry.events import Action, Event, State
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_FILE_NAME = re.compile(r"[0-9]{6,9}\.json")
_MAX_AUTHOR_LENGTH = 200
_log = logging.getLogger(__name__)


class _LastEvent(Record):
    """The number of the last event and the digest of its file."""

    number: int
    event_sha256: str


@dataclass(frozen=True)
class EventLog:
    """All events of a data set, verified.

    Attributes:
        dataset: The data set.
        events: The oldest first.
        sha256: Digest of the last event's file; None without events.
        state: What the events amount to.
    """

    dataset: str
    events: tuple[Event, ...] = ()
    sha256: str | None = None
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
        """Return the log with one more event.

        Raises:
            ValueError: The event is not possible now.
        """
        state = self.state.after(event.action, event.version)
        return EventLog(self.dataset, (*self.events, event), sha256, state)


def read(workspace: Workspace, dataset: str) -> EventLog:
    """Read the events of a data set, and check that none was changed, removed or inserted.

    Returns:
        The events; none if the registry does not know the data set.

    Raises:
        InputError: An event is damaged or missing, or does not follow from the previous one.
    """
    folder = paths.home(workspace, dataset)
    last = _read_last_event(folder)  # before the events: writers update it after adding one
    log = EventLog(dataset)
    for number in range(1, _count(folder) + 1):
        path = _path(folder, number)
        event, sha256 = documents.read(path, Event)
        if last and last.number == number and last.event_sha256 != sha256:
            raise _damaged(path, f"SHA-256 {last.event_sha256}", f"SHA-256 {sha256}")
        log = _verified(log, event, sha256, path)
    if last and last.number > len(log.events):
        raise _damaged(_path(folder, last.number), "the last event", "no file")
    return log


def history(workspace: Workspace, dataset: str | None = None) -> list[Event]:
    """List the events of one data set or of all, the oldest first.

    Raises:
        InputError: A log is damaged, or `dataset` is not a data set name.
    """
    chosen = paths.datasets(workspace) if dataset is None else [dataset]
    events = [event for name in chosen for event in read(workspace, name).events]
    return sorted(events, key=lambda event: (event.created, event.dataset, event.number))


def append(
    workspace: Workspace, log: EventLog, action: Action, version: str, **details: Any
) -> Event:
    """Add an event; the caller holds the data set's lock.

    Args:
        log: The present events, read under the same lock.
        action: What is done.
        version: With which version.
        details: The fields of `Event` that do not follow from the log.

    Raises:
        InputError: There already is a file of this number.
        ValueError: The event is not possible now.
        OSError: The file cannot be written.
    """
    folder = paths.home(workspace, log.dataset)
    event = Event(
        **log.next_link(),
        created=datetime.now(UTC),
        who=_author(),
        action=action,
        version=version,
        champion_after=log.state.after(action, version).champion,
        **details,
    )
    path = _path(folder, event.number)
    if path.exists() or path.is_symlink():
        raise _damaged(path, "no file yet", "a file")
    sha256 = documents.write(path, event)
    last = folder / paths.LAST_EVENT
    try:
        documents.write(last, _LastEvent(number=event.number, event_sha256=sha256))
    except OSError as error:  # the event counts all the same, and the next one updates the file
        _log.warning("%s could not be updated: %s", last, error.strerror)
    return event


def unexpected_files(workspace: Workspace, dataset: str) -> list[Path]:
    """List the files among the events that are none."""
    folder = paths.home(workspace, dataset) / "audit"
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if _number(path) is None)


def _verified(log: EventLog, event: Event, sha256: str, path: Path) -> EventLog:
    """Add an event that was read, if it follows from the others."""
    for name, expected in log.next_link().items():
        found = getattr(event, name)
        if found != expected:
            raise _damaged(path, f"{name} {expected}", f"{name} {found}")
    try:
        extended = log.extended(event, sha256)
    except ValueError as error:
        raise _damaged(path, "a possible event", f"an impossible one ({error})") from None
    if event.champion_after != extended.state.champion:
        raise _damaged(
            path,
            f"champion_after {extended.state.champion}",
            f"champion_after {event.champion_after}",
        )
    return extended


def _damaged(path: Path, expected: str, found: str) -> InputError:
    return InputError(
        f"The audit log is damaged at {path}: expected {expected}, found {found}. An event was "
        f"changed, removed or inserted. Restore {path.parent} from a copy; until then the data set "
        "has neither champion nor candidate."
    )


def _count(folder: Path) -> int:
    """Return the highest event number."""
    if not (folder / "audit").is_dir():
        return 0
    return max((_number(path) or 0 for path in (folder / "audit").iterdir()), default=0)


def _number(path: Path) -> int | None:
    """Return the number of an event's file; None if it is not called like one."""
    if not _FILE_NAME.fullmatch(path.name):
        return None
    number = int(path.stem)
    return number if number and path.name == f"{number:06d}.json" else None


def _path(folder: Path, number: int) -> Path:
    return folder / "audit" / f"{number:06d}.json"


def _read_last_event(folder: Path) -> _LastEvent | None:
    path = folder / paths.LAST_EVENT
    return documents.read(path, _LastEvent)[0] if path.exists() or path.is_symlink() else None


def _author() -> str:
    """Return SIGHTLINE_USER, or the login name and the host: 1 to 200 printable characters."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        login = f"uid-{os.getuid()}"
    who = os.environ.get("SIGHTLINE_USER") or f"{login}@{socket.gethostname()}"
    return printable(who)[:_MAX_AUTHOR_LENGTH]
