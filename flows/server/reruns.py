"""Runs a night again, once, that crashed, failed or timed out.

A night is a run that the schedule of a deployment with the tag `nightly` has made. The rerun is a
new run of that deployment with the same parameters, so it waits for the slot and for a worker as
any other. It finds finished stages in the cache and the training's checkpoint, since both have the
digests of their inputs as names.

Only what a schedule starts has Prefect's tag `auto-scheduled`. So neither a rerun is run again, nor
a run that a person or an event started; nor one that ended as Cancelled.
"""

from datetime import timedelta

from prefect.automations import AutomationCore, EventTrigger, Posture, RunDeployment
from prefect.events.schemas.events import ResourceSpecification

from sightline.flows.server.lost_runs import TAGGED

RERUNS = "sightline-reruns"
_NIGHT = [
    ResourceSpecification(
        {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"}
    )
    for tag in ("nightly", "auto-scheduled")
]
_DELAY = timedelta(seconds=30)  # Its process ends meanwhile, and a network may come back
_ONCE = timedelta(days=2)  # Time in which a second event about the same run changes nothing
# The same seed, although the rerun may start after midnight: another would start from scratch.
_PARAMETERS = """
{%- set given = flow_run.parameters -%}
{%- set night = flow_run.expected_start_time.strftime('%Y%m%d') | int -%}
{{ (dict(given, seed=night) if given.seed == 'date' else given) | tojson }}"""


def automation() -> AutomationCore:
    """Describe the automation that runs nights again."""
    return AutomationCore(
        name=RERUNS,
        description="Runs a scheduled night again, once, that crashed, failed or timed out",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{state}" for state in ("Crashed", "Failed", "TimedOut")},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=[TAGGED, *_NIGHT],
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=_ONCE,
        ),
        actions=[
            RunDeployment(
                source="inferred",
                parameters={
                    "__prefect_kind": "json",
                    "value": {"__prefect_kind": "jinja", "template": _PARAMETERS.strip()},
                },
                schedule_after=_DELAY,
            )
        ],
    )
