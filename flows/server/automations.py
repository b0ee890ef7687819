"""Automations and limits that the Prefect server keeps for the flows, once installed.

lost runs         become Crashed, so that they block no other run: see `lost_runs`
failures, delays  notify a webhook of runs that failed, crashed, timed out or are late
the GPU limit     maximum number of concurrent GPU trainings, over all pools
"""

from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture, SendNotification
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict

from sightline.flows.fit import GPU_LIMIT
from sightline.flows.server import lost_runs
from sightline.flows.server.lost_runs import TAGGED
from sightline.flows.stage_timer import STAGE_LABEL

FAILURES = "sightline-failures"
DELAYS = "sightline-delays"
_WEBHOOK = "sightline-webhook"
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
    """Install or update everything; what is None stays as it is on the server.

    At most `gpus` GPU trainings run at once, a run without an event for `lost_after` seconds is
    marked as Crashed, and the URL `webhook` is notified of failed and late runs.
    """
    seconds = lost_after or lost_runs.installed_timeout(client)
    automations = list(lost_runs.automations(seconds))
    if webhook:
        automations += messages(save_webhook(webhook))
    done = {f"automation {one.name}": install(client, one) for one in automations}
    if ended := lost_runs.end_silent(client, seconds):
        done["lost runs"] = f"{ended} ended"
    done["concurrency limit gpu"] = f"{limit_trainings(client, gpus)} at a time"
    if not webhook:
        done["notifications of failed and late runs"] = (
            "unchanged"
            if client.read_automations_by_name(FAILURES)
            else "not installed: set --webhook-url or SIGHTLINE_WEBHOOK_URL"
        )
    return done


def messages(webhook: UUID) -> tuple[AutomationCore, ...]:
    """Describe the automations that notify a webhook, by the ID of its block.

    A failed training on another pool is left out: the run that waits for it sends a message.
    """
    send = SendNotification(block_document_id=webhook, subject=_SUBJECT, body=_BODY)
    return (
        AutomationCore(
            name=FAILURES,
            description="Notifies a webhook of runs that failed, crashed or timed out",
            trigger=_enters({"Failed", "Crashed", "TimedOut"}, ["train", "watch", "score"]),
            actions=[send],
        ),
        AutomationCore(
            name=DELAYS,
            description="Notifies a webhook of runs that no worker has started in time",
            trigger=_enters({"Late"}, ["train", "fit", "watch", "score"]),
            actions=[send],
        ),
    )


def save_webhook(url: str) -> UUID:
    """Store the webhook's URL on the server, encrypted as a secret, and return the block's ID.

    Messages are posted as JSON with one key `text`, as Slack, Mattermost, Teams and most other
    incoming webhooks expect.
    """
    block = CustomWebhookNotificationBlock(
        name=_WEBHOOK,
        url="{{address}}",
        json_data={"text": "{{subject}}\n{{body}}"},
        secrets=SecretDict({"address": url}),
    )
    return UUID(str(block.save(_WEBHOOK, overwrite=True)))


def install(client: SyncPrefectClient, automation: AutomationCore) -> str:
    """Create an automation, or update the one of this name, and return what was done.

    An equal one is not touched: with an update, the server forgets how long it has waited for an
    event of a run, and a run that is already lost would never be ended.
    """
    known = client.read_automations_by_name(automation.name)
    if not known:
        client.create_automation(automation)
        return "created"
    for duplicate in known[1:]:
        client.delete_automation(duplicate.id)
    if known[0].model_dump(include=set(AutomationCore.model_fields)) == automation.model_dump():
        return "up to date"
    client.update_automation(known[0].id, automation)
    return "updated"


def limit_trainings(client: SyncPrefectClient, most: int | None) -> int:
    """Set the maximum number of concurrent GPU trainings, and return it.

    None keeps the present limit, or creates one of 1.
    """
    if most is None:
        try:
            return client.read_global_concurrency_limit_by_name(GPU_LIMIT).limit
        except ObjectNotFound:
            most = 1
    client.upsert_global_concurrency_limit_by_name(GPU_LIMIT, most)
    return most


def _enters(states: set[str], flows: list[str]) -> EventTrigger:
    return EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=[
            TAGGED,
            ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": flows}
            ),
        ],
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )
