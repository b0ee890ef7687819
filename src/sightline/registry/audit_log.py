"""The audit log of a data set: events that are only ever added, chained by their digests."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import InputError
from sightline.records import Decision, Record
from sightline.registry import author, documents, paths
from sightline.registry.events import Event
from sightline.registry.line import Action, Line
from sightline.storage.workspace import Workspace

_NAME = re.compile(r"[0-9]{6,9}\.json")
_log = logging.getLogger(__name__)


class _Last(Record):
    """The last event: its number and the digest of its file."""

    number: int
    event_sha256: str


@dataclass(frozen=True)
class Trail:
    """All events of a data set, checked.

    Attributes:
        dataset: Which.
        events: The oldest first.
        sha256: Digest of the last event's file; None without events.
        line: What they come to.
    """

    dataset: str
    events: tuple[Event, ...] = ()
    sha256: str | None = None
    line: Line = field(default_factory=Line)

    def last(self, wanted: Callable[[Event], bool]) -> Event | None:
        """Return the last event of a kind; None where there is none."""
        return next((event for event in reversed(self.events) if wanted(event)), None)


def read(workspace: Workspace, dataset: str) -> Trail:
    """Read the events of a data set and check that none was changed, removed or put in.

    Args:
        dataset: The data set's name.

    Returns:
        The events; none where the store does not know the data set.

    Raises:
        InputError: An event is damaged or missing, or does not follow from the one before.
    """
    folder = paths.home(workspace, dataset)
    marked = _read_last(folder)  # before the events: whoever adds one meanwhile marks it later
    trail = Trail(dataset)
    for number in range(1, _count(folder) + 1):
        path = _path(folder, number)
        event, sha256 = documents.read(path, Event)
        trail = _joined(trail, event, sha256, path)
        if marked and marked.number == number and marked.event_sha256 != sha256:
            raise _broken(path, f"SHA-256 {marked.event_sha256}", f"SHA-256 {sha256}")
    if marked and marked.number > len(trail.events):
        raise _broken(_path(folder, marked.number), "the last event", "no such file")
    return trail


def history(workspace: Workspace, dataset: str | None = None) -> list[Event]:
    """List what was done, the oldest first.

    Args:
        dataset: Only with versions of this data set; of all unless told.

    Raises:
        InputError: A log is damaged, or `dataset` is no name of a data set.
    """
    chosen = paths.datasets(workspace) if dataset is None else [dataset]
    events = [event for name in chosen for event in read(workspace, name).events]
    return sorted(events, key=lambda event: (event.created, event.dataset, event.number))


def append(  # names all that an event holds
    workspace: Workspace,
    trail: Trail,
    action: Action,
    version: str,
    *,
    version_sha256: str,
    run_id: str,
    reason: str,
    decision: Decision | None = None,
    forced: bool = False,
) -> Trail:
    """Add an event; hold the data set's lock.

    Args:
        trail: What is there, read under the same lock.
        action: What was done.
        version: With which version.
        version_sha256: Digest of its `version.json`.
        run_id: Its run.
        reason: Why.
        decision: What the promotion gate said.
        forced: Whether it was done against the gate, or without it.

    Returns:
        The trail with the event.

    Raises:
        InputError: There is an event of this number already.
        ValueError: That cannot be done now.
        OSError: It cannot be written.
    """
    number = len(trail.events) + 1
    folder = paths.home(workspace, trail.dataset)
    path = _path(folder, number)
    line = trail.line.after(action, version)
    event = Event(
        number=number,
        dataset=trail.dataset,
        created=datetime.now(UTC),
        who=author.name(),
        action=action,
        version=version,
        version_sha256=version_sha256,
        champion_before=trail.line.champion,
        champion_after=line.champion,
        reason=reason,
        run_id=run_id,
        decision=decision,
        forced=forced,
        previous_sha256=trail.sha256,
    )
    if path.exists() or path.is_symlink():
        raise _broken(path, "nothing yet", "a file")
    sha256 = documents.write(path, event)
    _mark(folder, number, sha256)
    return Trail(trail.dataset, (*trail.events, event), sha256, line)


def strangers(workspace: Workspace, dataset: str) -> list[Path]:
    """List what lies among the events and is none."""
    folder = paths.home(workspace, dataset) / "audit"
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if _number(path) is None)


def _joined(trail: Trail, event: Event, sha256: str, path: Path) -> Trail:
    """Add an event that was read, if it follows from the others."""
    number, before = len(trail.events) + 1, trail.line.champion
    for expected, found in (
        (f"event {number} of {trail.dataset}", f"event {event.number} of {event.dataset}"),
        (
            f"an event after {_digest(trail.sha256)}",
            f"an event after {_digest(event.previous_sha256)}",
        ),
        (f"champion {before}", f"champion {event.champion_before}"),
    ):
        if expected != found:
            raise _broken(path, expected, found)
    try:
        line = trail.line.after(event.action, event.version)
    except ValueError as error:
        raise _broken(path, f"what can be done after event {number - 1}", str(error)) from None
    if line.champion != event.champion_after:
        raise _broken(path, f"champion {line.champion}", f"champion {event.champion_after}")
    return Trail(trail.dataset, (*trail.events, event), sha256, line)


def _digest(sha256: str | None) -> str:
    return f"SHA-256 {sha256}" if sha256 else "none"


def _broken(path: Path, expected: str, found: str) -> InputError:
    return InputError(
        f"The audit log is damaged at {path}: expected {expected}, found {found}. An event was "
        f"changed, removed or put in: restore {path.parent} from a copy; until then no version "
        "is taken for champion or candidate."
    )


def _count(folder: Path) -> int:
    """Return the highest number of an event; all below it were there before it."""
    if not (folder / "audit").is_dir():
        return 0
    found = [_number(path) for path in (folder / "audit").iterdir()]
    return max((number for number in found if number is not None), default=0)


def _number(path: Path) -> int | None:
    """Return the number of an event's file; None where it is called otherwise."""
    if not _NAME.fullmatch(path.name):
        return None
    number = int(path.stem)
    return number if number and path.name == f"{number:06d}.json" else None


def _path(folder: Path, number: int) -> Path:
    return folder / "audit" / f"{number:06d}.json"


def _read_last(folder: Path) -> _Last | None:
    path = folder / paths.LAST_EVENT
    return documents.read(path, _Last)[0] if path.exists() or path.is_symlink() else None


def _mark(folder: Path, number: int, sha256: str) -> None:
    """Note the last event; it is done whether that works or not, and the next one notes itself."""
    try:
        documents.write(folder / paths.LAST_EVENT, _Last(number=number, event_sha256=sha256))
    except OSError as error:
        _log.warning("%s could not be renewed: %s", folder / paths.LAST_EVENT, error.strerror)
