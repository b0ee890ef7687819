"""What watches over the flows on the Prefect server: installed once, kept by the server.

zombies           a run whose heartbeat stopped becomes Crashed, so that it blocks nobody
failures, delays  a run that failed, crashed, timed out or is late is told to a webhook
the GPU limit     so many trainings at a time, whichever pool they come from
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
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict

from sightline.flows.fit import GPU_LIMIT
from sightline.flows.stage_timer import STAGE_LABEL

ZOMBIES = "sightline-zombies"
FAILURES = "sightline-failures"
DELAYS = "sightline-delays"
_WEBHOOK = "sightline-webhook"
_LOST_AFTER_SECONDS = 300
"""How long nothing may be heard of a run. Deployed runs have a heartbeat of 30 s; a server that
is away for less than this loses no training."""

_TAG = "prefect.tag.sightline"
"""What the runs of our deployments carry, and neither runs by hand nor other projects."""

_TAGGED = ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": _TAG})
_SUBJECT = "{{ flow.name }} {{ flow_run.state.name }}: {{ flow_run.name }}"
_BODY = (
    "Run: {{ flow_run.name }} of {{ deployment.name }}\n"
    "Data: {{ flow_run.parameters['dataset'] or 'see the run' }}\n"
    "State: {{ flow_run.state.name }}\n"
    "Stage: {{ flow_run.labels['STAGE'] or 'before the first stage' }}\n"
    "Error: {{ flow_run.state.message or 'none given' }}\n"
    "Link: {{ flow_run|ui_url }}"
).replace("STAGE", STAGE_LABEL)


def install_all(
    client: SyncPrefectClient, gpus: int | None, lost_after: int | None, webhook: str | None
) -> dict[str, str]:
    """Install everything; what is not given stays as it is on the server.

    Args:
        client: Of the server.
        gpus: Trainings at a time on GPUs.
        lost_after: Seconds of silence after which a run is Crashed.
        webhook: Address that is told of failed and late runs.

    Returns:
        What there is, and what was done with it, for people.
    """
    wanted = [zombies(lost_after or silence(client))]
    if webhook:
        wanted += messages(save_webhook(webhook))
    done = {f"automation {one.name}": install(client, one) for one in wanted}
    done["concurrency limit gpu"] = f"{limit_trainings(client, gpus)} at a time"
    if not webhook:
        done["messages of failed and late runs"] = (
            "kept, with the webhook that they have"
            if client.read_automations_by_name(FAILURES)
            else "left out: give --webhook-url or SIGHTLINE_WEBHOOK_URL"
        )
    return done


def silence(client: SyncPrefectClient) -> int:
    """Return the seconds of silence that the installed automation grants, else our default."""
    for known in client.read_automations_by_name(ZOMBIES):
        if isinstance(known.trigger, EventTrigger):
            return round(known.trigger.within.total_seconds())
    return _LOST_AFTER_SECONDS


def zombies(lost_after: int) -> AutomationCore:
    """Describe the automation that ends runs without a heartbeat.

    Whatever a run emits counts as a sign of life.

    Args:
        lost_after: Seconds of silence after which a run is Crashed.
    """
    return AutomationCore(
        name=ZOMBIES,
        description="Marks runs as Crashed whose process and worker are gone",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=_TAGGED,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=lost_after),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No sign of life for {lost_after} s; run it again",
            )
        ],
    )


def messages(webhook: UUID) -> tuple[AutomationCore, ...]:
    """Describe all automations that tell a webhook, by the id of its block."""
    return failures(webhook), delays(webhook)


def failures(webhook: UUID) -> AutomationCore:
    """Describe the automation that tells of runs that ended badly.

    A training that was handed over is left out: the run that waits for it tells.

    Args:
        webhook: Id of the block that the message is sent through.
    """
    return _message(
        FAILURES,
        "Tells a webhook of runs that failed, crashed or timed out",
        _enters({"Failed", "Crashed", "TimedOut"}, ["train", "watch"]),
        webhook,
    )


def delays(webhook: UUID) -> AutomationCore:
    """Describe the automation that tells of runs that no worker has taken in time.

    Args:
        webhook: Id of the block that the message is sent through.
    """
    return _message(
        DELAYS,
        "Tells a webhook of runs that no worker has taken in time",
        _enters({"Late"}, ["train", "fit", "watch"]),
        webhook,
    )


def save_webhook(url: str) -> UUID:
    """Keep the webhook's address on the server, encrypted as a secret.

    The message is posted as JSON with one key `text`, as Slack, Mattermost, Teams' and most
    other incoming webhooks take it.

    Returns:
        Id of the block.
    """
    block = CustomWebhookNotificationBlock(
        name=_WEBHOOK,
        url="{{address}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets=SecretDict({"address": url}),
    )
    return UUID(str(block.save(_WEBHOOK, overwrite=True)))


def install(client: SyncPrefectClient, automation: AutomationCore) -> str:
    """Create an automation, or bring the one of this name up to date.

    One that is equal is left alone: with a change the server forgets for how long it has waited
    for a run's sign of life, and a run that is lost already would never be ended.

    Returns:
        What was done, for people.
    """
    known = client.read_automations_by_name(automation.name)
    if not known:
        client.create_automation(automation)
        return "created"
    for double in known[1:]:
        client.delete_automation(double.id)
    if known[0].model_dump(include=set(AutomationCore.model_fields)) == automation.model_dump():
        return "as it should be"
    client.update_automation(known[0].id, automation)
    return "brought up to date"


def limit_trainings(client: SyncPrefectClient, most: int | None) -> int:
    """Let at most so many trainings run at a time on GPUs.

    Args:
        client: Of the server.
        most: None keeps the limit that is there, or makes one of 1.

    Returns:
        The limit that holds now.
    """
    if most is None:
        try:
            return client.read_global_concurrency_limit_by_name(GPU_LIMIT).limit
        except ObjectNotFound:
            most = 1
    client.upsert_global_concurrency_limit_by_name(GPU_LIMIT, most)
    return most


def _message(name: str, description: str, trigger: EventTrigger, webhook: UUID) -> AutomationCore:
    send = SendNotification(block_document_id=webhook, subject=_SUBJECT, body=_BODY)
    return AutomationCore(name=name, description=description, trigger=trigger, actions=[send])


def _enters(states: set[str], flows: list[str]) -> EventTrigger:
    return EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=[
            _TAGGED,
            ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": flows}
            ),
        ],
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )
