"""Lists of runs: which runs to show, and in which order."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.records import Record
from sightline.records.manifest import ManifestExcerpt
from sightline.storage.workspace import Workspace

_AGO = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Order(StrEnum):
    """Sort key of a list of runs: newest, best or fastest first, names alphabetically."""

    TIME = "time"
    ACCURACY = "accuracy"
    LOSS = "loss"
    SECONDS = "seconds"
    DATASET = "dataset"
    RECIPE = "recipe"


_KEYS: dict[Order, Callable[[ManifestExcerpt], Any]] = {
    Order.ACCURACY: lambda run: -run.records.evaluate.accuracy,
    Order.LOSS: lambda run: run.records.evaluate.loss,
    Order.SECONDS: lambda run: run.total_seconds,
    Order.DATASET: lambda run: run.records.ingest.dataset,
    Order.RECIPE: lambda run: run.config.recipe,
}


class RunFilter(Record):
    """Selects runs; a field that is None selects all."""

    datasets: frozenset[str] | None = None
    recipe: str | None = None
    since: datetime | None = None
    min_accuracy: float | None = None
    run_ids: frozenset[str] | None = None

    def matches(self, run: ManifestExcerpt) -> bool:
        """Return whether the filter selects a run."""
        return (
            (self.datasets is None or run.records.ingest.dataset in self.datasets)
            and (self.recipe is None or run.config.recipe == self.recipe)
            and (self.since is None or run.created >= self.since)
            and (self.min_accuracy is None or run.records.evaluate.accuracy >= self.min_accuracy)
            and (self.run_ids is None or run.run_id in self.run_ids)
        )


def read(
    workspace: Workspace,
    selected: RunFilter,
    on_error: Callable[[InputError], None],
    *,
    oldest_first: bool = False,
) -> Iterator[ManifestExcerpt]:
    """Read runs one by one, the last published first; pass the errors of unreadable manifests."""
    run_ids = run_folder.run_ids(workspace)
    for run_id in reversed(run_ids) if oldest_first else run_ids:
        try:
            run = run_folder.read_excerpt(workspace, run_id)
        except InputError as error:
            on_error(error)
        else:
            if selected.matches(run):
                yield run


def newest_of_recipes(workspace: Workspace, looked_at: int) -> list[ManifestExcerpt]:
    """Read the newest run of each data set and recipe among the runs that were published last.

    Runs that cannot be read or that reproduce another run are skipped.
    """
    found: dict[tuple[str, str], ManifestExcerpt] = {}
    for run_id in run_folder.run_ids(workspace)[:looked_at]:
        with suppress(InputError):
            run = run_folder.read_excerpt(workspace, run_id)
            if run.repeats is None:
                found.setdefault((run.records.ingest.dataset, run.config.recipe), run)
    return list(found.values())


def sort(
    found: Iterable[ManifestExcerpt], order: Order, *, reverse: bool
) -> Iterable[ManifestExcerpt]:
    """Sort runs that are sorted by time; they stay unread if that is the order."""
    if order is Order.TIME:
        return found
    return sorted(found, key=_KEYS[order], reverse=reverse)


def parse_since(text: str, now: datetime) -> datetime:
    """Parse a date, a time (UTC by default) or an age such as "7d", "12h" or "4w".

    Raises InputError if the text has another form.
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise InputError(
            f"Invalid --since {text[:40]!r}; expected a date such as 2026-11-01, or an age such as "
            "12h, 7d or 4w."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
