"""What needs a person: a sentence and a command for each thing that does not go on by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.filesize import decimal

from sightline.flows.server.status import Overview, Row
from sightline.records.health import Health
from sightline.reporting.status_page import MOST_REFUSED
from sightline.storage import files
from sightline.storage.workspace import Workspace

_OLD_DAYS = 30  # Age of a champion
_LEAST_BYTES = 5_000_000_000
_NO_WORKER = "no worker on "
_CHILDREN = ("fit/", "trial/", "shard/")  # Deployments that other runs start, with their parameters


@dataclass(frozen=True)
class Need:
    """A problem in a sentence, and a command or action that solves it."""

    problem: str
    remedy: str


def find(workspace: Workspace, overview: Overview, champions: Sequence[Health]) -> tuple[Need, ...]:
    """List what needs a person, the most urgent first."""
    return (
        *_of_champions(champions, urgent=True),
        *_of_workers(overview.rows),
        *_of_runs(overview.rows),
        *_of_disk(workspace),
        *_of_champions(champions, urgent=False),
    )


def _of_champions(champions: Sequence[Health], *, urgent: bool) -> Iterator[Need]:
    for one in champions:
        dataset = f"--dataset {one.dataset}"
        if urgent and one.damages:
            yield Need(
                f"{one.champion or one.dataset} is damaged: {one.damages[0]}",
                f"restore it from a copy, or: sightline models rollback {dataset} --reason ...",
            )
        for scores in one.scores if urgent else ():
            if scores.drift:
                yield Need(scores.sentence, f"see what changed, label some, train: {scores.page}")
        if not urgent and one.refused > MOST_REFUSED:
            yield Need(
                f"{one.refused} candidates of {one.dataset} were refused in a row. The last: "
                f"{one.decision}",
                f"sightline models history {dataset}",
            )
        if not urgent and (one.age_days or 0) > _OLD_DAYS:
            yield Need(
                f"The champion {one.champion} was registered {one.age_days} days ago.",
                f"sightline models history {dataset}",
            )


def _of_workers(rows: Sequence[Row]) -> Iterator[Need]:
    stuck = [row for row in rows if row.kind == "deployment" and row.state != "ready"]
    for state in dict.fromkeys(row.state for row in stuck):
        names = ", ".join(row.name for row in stuck if row.state == state)
        if state.startswith(_NO_WORKER):
            pool = state.removeprefix(_NO_WORKER)
            yield Need(
                f"No worker serves the pool {pool}: {names}.",
                f"sightline ops worker --pool {pool}",
            )
        elif state != "paused":
            yield Need(f"Deployments cannot run, {state}: {names}.", "prefect work-pool ls")


def _of_runs(rows: Sequence[Row]) -> Iterator[Need]:
    for row in rows:
        if row.kind == "late":
            yield Need(f"The run {row.name} is late: {row.detail}.", "start a worker of its pool")
        elif row.kind == "failed":
            yield Need(
                f"The last run of {row.name} ended as {row.state}. {row.detail}",
                "repeat the run that it worked for"
                if row.name.startswith(_CHILDREN)
                else f"prefect deployment run '{row.name}'",
            )


def _of_disk(workspace: Workspace) -> Iterator[Need]:
    free = files.free_bytes(workspace.root)
    if free < _LEAST_BYTES:
        yield Need(
            f"Only {decimal(free)} are free in {workspace.root}.",
            "sightline runs prune --dry-run, then without",
        )
