"""The page of `sightline ops status`: champions, what is next, what needs a person."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sightline.records.health import Health
from sightline.reporting import page
from sightline.reporting.table import NONE, Cell, Table, interval
from sightline.storage import files

Needs = Sequence[tuple[str, str]]  # Problem and remedy
Upcoming = Sequence[tuple[str, datetime]]  # Deployment and time, the soonest first
Rows = Sequence[tuple[str, str, str, str]]  # Type, name, state and details
MOST_REFUSED = 2  # Refusals in a row that need no attention
_PROBLEMS = ("no ", "Failed", "Crashed", "TimedOut", "Late", "offline", "paused")


def write(
    path: Path,
    artifacts: str,
    champions: Sequence[Health],
    needs: Needs,
    upcoming: Upcoming,
    rows: Rows,
) -> None:
    """Write the page; all text is escaped. Raises StorageError if it cannot be written."""
    html = page.render(
        "status.html.j2",
        artifacts=artifacts,
        now=_time(datetime.now(UTC)),
        needs=needs,
        champions=champions,
        champion_table=_champion_table(champions),
        upcoming=[(name, _time(when)) for name, when in upcoming],
        server_table=_server_table(rows),
    )
    with files.storage_errors(path.parent, "--output"), files.new_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def accuracy(one: Health) -> str:
    """Write the test accuracy of a champion with its interval."""
    if one.accuracy is None:
        return ""
    return f"{one.accuracy:.2%} ({interval(one.accuracy_interval)})"


def live(one: Health) -> str:
    """Write what the scores of a champion say: accuracy by late labels with interval, and drift."""
    said = []
    for scores in one.scores:
        found = scores.live
        shown = f"{found.accuracy:.2%} ({interval(found.interval)})" if found else "no labels"
        said.append(f"{scores.name}: {shown}{', drift' if scores.drift else ''}")
    return "; ".join(said)


def _champion_table(champions: Sequence[Health]) -> Table:
    rows: list[list[Cell | str]] = [
        [
            one.dataset,
            one.champion or NONE,
            Cell("damaged", one.damages[0], weak=True) if one.damages else Cell("intact"),
            Cell(f"{one.age_days} days ago", _time(one.registered)) if one.registered else NONE,
            Cell(f"{one.accuracy:.2%}", interval(one.accuracy_interval))
            if one.accuracy is not None
            else NONE,
            live(one) or "not scored",
            Cell(str(one.refused), weak=one.refused > MOST_REFUSED),
            one.decision or NONE,
        ]
        for one in champions
    ]
    columns = ("Data set", "Champion", "Files", "Registered", "Test accuracy", "Live")
    return Table("Champions", "ttttntns", [*columns, "Refused since", "Last decision"], rows)


def _server_table(rows: Rows) -> Table:
    shown: list[list[Cell | str]] = [
        [kind, name, Cell(state, weak=state.startswith(_PROBLEMS)), detail]
        for kind, name, state, detail in rows
    ]
    return Table("Server", "ttts", ["Type", "Name", "State", "Details"], shown)


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
