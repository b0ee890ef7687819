"""How a deployed training ends: accuracy and decision in its state, its log and its tags."""

from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from sightline.experiments.seeds import SeedSummary
from sightline.records import RunSummary
from sightline.reporting.table import interval
from sightline.tasks.artifacts import best_effort

S = TypeVar("S", RunSummary, SeedSummary)


def completed(summary: S) -> State[S]:
    """Return the final state, whose message is the outcome; log it, and tag the flow run with it.

    In the UI, a list of runs shows the tags and a run its message.
    """
    text = message(summary)
    promotion = summary.promotion if isinstance(summary, RunSummary) else None
    get_run_logger().log(30 if promotion and promotion.refused else 20, text)
    _tag(tags(summary))
    return Completed(data=summary, message=text)


def message(summary: RunSummary | SeedSummary) -> str:
    """Say the test accuracy and, if the gate was on, what became of the model."""
    if isinstance(summary, SeedSummary):
        found = summary.noise.accuracy
        return f"Test accuracy {found.mean:.2%} ± {found.half_width:.2%}, {len(found.values)} seeds"
    ends = interval(summary.accuracy_interval)
    accuracy = f"Test accuracy {summary.test_accuracy:.2%} (95 % interval {ends})"
    return f"{accuracy}. {summary.promotion.outcome}" if summary.promotion else accuracy


def tags(summary: RunSummary | SeedSummary) -> list[str]:
    """Return the tags of a flow run that ended, such as "accuracy 98.45%" and "promoted"."""
    if isinstance(summary, SeedSummary):
        return [f"accuracy {summary.noise.accuracy.mean:.2%}"]
    decision = [summary.promotion.result] if summary.promotion else []
    return [f"accuracy {summary.test_accuracy:.2%}", *decision]


def _tag(added: list[str]) -> None:
    with best_effort(what="the tags of the run in Prefect"), get_client(sync_client=True) as client:
        own = UUID(str(flow_run.id))
        known: Any = client.read_flow_run(own).tags
        client.update_flow_run(own, tags=[*known, *(tag for tag in added if tag not in known)])
