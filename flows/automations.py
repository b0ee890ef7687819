"""What watches over the flows on the Prefect server: installed once, kept by the server.

zombies       a run whose heartbeat stopped becomes Crashed, so that it blocks nobody
failures      a run that failed, crashed, timed out or is late is told to a webhook
the GPU limit so many trainings at a time, whichever pool they come from
"""

from datetime import timedelta
from uuid import UUID

from prefect.automations import (
    AutomationCore,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    SendNotification,
)
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.events import ResourceSpecification
from prefect.types import SecretDict

from flows.fitting import GPU_LIMIT
from flows.stopwatch import STAGE_LABEL

HEARTBEAT_SECONDS = 30
"""What the deployments set PREFECT_FLOWS_HEARTBEAT_FREQUENCY to."""

ZOMBIES = "sightline-zombies"
FAILURES = "sightline-failures"
_FLOWS = ["train", "fit", "watch"]
_TOLD_FLOWS = ["train", "watch"]  # a failed fit is told by the run that waits for it
_TOLD_STATES = {"Failed", "Crashed", "TimedOut", "Late"}

_SUBJECT = "{{ flow.name }} {{ flow_run.state.name }}: {{ flow_run.name }}"
_BODY = (
    "Run: {{ flow_run.name }}\n"
    "State: {{ flow_run.state.name }}\n"
    "Stage: {{ flow_run.labels['STAGE'] or 'before the first stage' }}\n"
    "Error: {{ flow_run.state.message or 'none given' }}\n"
    "Link: {{ flow_run|ui_url }}"
).replace("STAGE", STAGE_LABEL)


def zombies() -> AutomationCore:
    """Describe the automation that ends runs without a heartbeat.

    Whatever a run emits counts as a sign of life; three heartbeats may be missed.
    """
    return AutomationCore(
        name=ZOMBIES,
        description="Marks runs as Crashed whose process and worker are gone",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=_of(_FLOWS),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=3 * HEARTBEAT_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No sign of life for {3 * HEARTBEAT_SECONDS} s; run it again",
            )
        ],
    )


def failures(webhook: UUID) -> AutomationCore:
    """Describe the automation that tells of failed and late runs.

    Args:
        webhook: Id of the block that the message is sent through.
    """
    return AutomationCore(
        name=FAILURES,
        description="Tells a webhook of runs that failed, crashed, timed out or are late",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{state}" for state in _TOLD_STATES},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=_of(_TOLD_FLOWS),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[SendNotification(block_document_id=webhook, subject=_SUBJECT, body=_BODY)],
    )


def save_webhook(url: str) -> UUID:
    """Keep the webhook's address on the server, encrypted as a secret.

    The message is posted as JSON with one key `text`, as Slack, Mattermost, Teams' and most
    other incoming webhooks take it.

    Returns:
        Id of the block.
    """
    block = CustomWebhookNotificationBlock(
        name=FAILURES,
        url="{{address}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets=SecretDict({"address": url}),
    )
    return UUID(str(block.save(FAILURES, overwrite=True)))


def install(client: SyncPrefectClient, automation: AutomationCore) -> str:
    """Create an automation, or bring the one of this name up to date.

    Returns:
        What was done, for people.
    """
    known = client.read_automations_by_name(automation.name)
    if not known:
        client.create_automation(automation)
        return "created"
    for double in known[1:]:
        client.delete_automation(double.id)
    client.update_automation(known[0].id, automation)
    return "brought up to date"


def limit_trainings(client: SyncPrefectClient, most: int) -> None:
    """Let at most so many trainings run at a time on GPUs."""
    client.upsert_global_concurrency_limit_by_name(GPU_LIMIT, most)


def _of(flows: list[str]) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": flows})
