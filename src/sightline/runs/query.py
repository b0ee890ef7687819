"""Lists of runs: which of them are wanted, and in what order."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sightline.errors import InputError
from sightline.records import Record
from sightline.records.manifest import ManifestExcerpt
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

_AGO = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Order(StrEnum):
    """What a list of runs is sorted by: the newest, best or quickest first, names from a to z."""

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


class Wanted(Record):
    """Which runs are wanted; what is None lets all pass.

    Attributes:
        datasets: Names of data sets as in run ids.
        recipe: Name of a recipe.
        since: When the run was published at the earliest, with its time zone.
        min_accuracy: Least accuracy on the test split, in [0, 1].
        run_ids: Ids of runs.
    """

    datasets: frozenset[str] | None = None
    recipe: str | None = None
    since: datetime | None = None
    min_accuracy: float | None = None
    run_ids: frozenset[str] | None = None

    def takes(self, run: ManifestExcerpt) -> bool:
        """Tell whether a run is wanted."""
        return (
            (self.datasets is None or run.records.ingest.dataset in self.datasets)
            and (self.recipe is None or run.config.recipe == self.recipe)
            and (self.since is None or run.created >= self.since)
            and (self.min_accuracy is None or run.records.evaluate.accuracy >= self.min_accuracy)
            and (self.run_ids is None or run.run_id in self.run_ids)
        )


def read(
    workspace: Workspace,
    wanted: Wanted,
    left_out: Callable[[InputError], None],
    *,
    oldest_first: bool = False,
) -> Iterator[ManifestExcerpt]:
    """Read the runs that are wanted one by one, the last published first unless told otherwise.

    Args:
        wanted: Which runs.
        left_out: Is told of each manifest that cannot be read.
        oldest_first: Whether to begin at the other end.

    Yields:
        Excerpts of manifests.
    """
    run_ids = run_folder.run_ids(workspace)
    for run_id in reversed(run_ids) if oldest_first else run_ids:
        try:
            run = run_folder.read_excerpt(workspace, run_id)
        except InputError as error:
            left_out(error)
        else:
            if wanted.takes(run):
                yield run


def arrange(
    found: Iterable[ManifestExcerpt], order: Order, *, reverse: bool
) -> Iterable[ManifestExcerpt]:
    """Sort runs; equal ones stay as they come.

    Args:
        found: Runs in the order of time that is wanted; it is kept, and nothing is read ahead,
            where the order is that of time.
        order: What to sort by.
        reverse: Whether to turn the order round.
    """
    if order is Order.TIME:
        return found
    return sorted(found, key=_KEYS[order], reverse=reverse)


def parse_since(text: str, now: datetime) -> datetime:
    """Read a moment in the past: a date or time (UTC unless it says otherwise), or how long ago.

    Args:
        text: Such as "2026-11-01", "2026-11-01T08:30", "7d", "12h" or "4w".
        now: The time to count back from, with its time zone.

    Raises:
        InputError: It is neither.
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise InputError(
            f"--since {text[:40]!r} is no time; expected a date such as 2026-11-01, or how long "
            "ago, such as 12h, 7d or 4w."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
