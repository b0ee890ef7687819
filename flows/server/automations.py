"""Automations and limits that the Prefect server keeps for the flows, once installed.

lost runs         become Crashed, so that they block no other run: see `lost_runs`
nights            that crashed or failed are run again, once: see `reruns`
notifications     of runs that failed, crashed, timed out or are late, and of models that were
                  promoted or refused, drift and old champions: see `channels`
the GPU limit     maximum number of concurrent GPU trainings, over all pools
"""

from collections.abc import Mapping
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture, SendNotification
from prefect.blocks.abstract import NotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from sightline.flows import score
from sightline.flows.fit import GPU_LIMIT
from sightline.flows.prune import OLD
from sightline.flows.server import channels, lost_runs, reruns
from sightline.flows.server.lost_runs import TAGGED
from sightline.flows.stage_timer import STAGE_LABEL
from sightline.tasks.promote import PROMOTED, REFUSED

FAILURES = "sightline-failures"
DELAYS = "sightline-delays"
MODELS = "sightline-models"
_REPORTED = ["train", "watch", "score", "prune"]  # Flows
_SUBJECT = "{{ flow.name }} {{ flow_run.state.name }}: {{ flow_run.name }}"
_BODY = (
    "Run: {{ flow_run.name }} of {{ deployment.name }}\n"
    "Data: {{ flow_run.parameters['dataset'] or 'see the run' }}\n"
    "State: {{ flow_run.state.name }}\n"
    "Stage: {{ flow_run.labels['STAGE'] or 'before the first stage' }}\n"
    "Error: {{ flow_run.state.message or 'none given' }}\n"
    "Next: REMEDY\n"
    "Link: {{ flow_run|ui_url }}"
).replace("STAGE", STAGE_LABEL)
_AGAIN = (
    "{% if 'nightly' in flow_run.tags and 'auto-scheduled' in flow_run.tags %}"
    "sightline-reruns runs it again, once; if that fails, too, {% endif %}"
    "correct what the error names, then run it again, which goes on from its cache and checkpoint: "
    "prefect deployment run '{{ flow.name }}/{{ deployment.name }}'"
)
_WORKER = (
    "sightline ops status says what is missing; sightline ops worker --pool "
    "{{ flow_run.work_pool_name }} starts a worker"
)
_MODEL_SUBJECT = "{{ event.payload.dataset or event.resource.name }}: {{ event.event }}"
_MODEL_BODY = (
    "Data: {{ event.payload.dataset or event.resource.name }}\n"
    "Version: {{ event.payload.version or 'see the run' }}\n"
    "Champion before: {{ event.payload.champion or 'none' }}\n"
    "Reason: {{ event.payload.reason or event.payload }}\n"
    "Next: {{ event.payload.remedy or 'sightline ops status' }}\n"
    "Link: {{ flow_run|ui_url if flow_run else 'none' }}"
)


def install_all(
    client: SyncPrefectClient,
    gpus: int | None,
    lost_after: int | None,
    blocks: dict[str, NotificationBlock],
) -> dict[str, str]:
    """Install or update everything; what is None or missing stays as it is on the server.

    At most `gpus` GPU trainings run at once, a run without an event for `lost_after` seconds is
    marked as Crashed, and the channels of `blocks` are notified besides those on the server.
    """
    seconds = lost_after or lost_runs.installed_timeout(client)
    saved = channels.save(client, blocks)
    watching = [*lost_runs.automations(seconds), reruns.automation()]
    automations = [*watching, *(messages(saved) if saved else ())]
    done = {f"automation {one.name}": install(client, one) for one in automations}
    if ended := lost_runs.end_silent(client, seconds):
        done["lost runs"] = f"{ended} ended"
    done["concurrency limit gpu"] = f"{limit_trainings(client, gpus)} at a time"
    done["notifications"] = (
        f"to {', '.join(name.removeprefix('sightline-') for name in saved)}"
        if saved
        else "none: set SIGHTLINE_WEBHOOK_URL, SIGHTLINE_SLACK_URL or SIGHTLINE_SENDGRID_KEY"
    )
    return done


def messages(blocks: Mapping[str, UUID]) -> tuple[AutomationCore, ...]:
    """Describe the automations that notify channels, by the IDs of their blocks.

    Each message names the cause and what to do. A failed training on another pool is left out: the
    run that waits for it sends a message.
    """

    def send(subject: str, body: str) -> list[SendNotification]:
        return [
            SendNotification(
                block_document_id=block,
                subject=channels.subject(name, subject),
                body=channels.body(name, body),
            )
            for name, block in blocks.items()
        ]

    return (
        AutomationCore(
            name=FAILURES,
            description="Notifies people of runs that failed, crashed or timed out",
            trigger=_enters({"Failed", "Crashed", "TimedOut"}, _REPORTED),
            actions=send(_SUBJECT, _BODY.replace("REMEDY", _AGAIN)),
        ),
        AutomationCore(
            name=DELAYS,
            description="Notifies people of runs that no worker has started in time",
            trigger=_enters({"Late"}, [*_REPORTED, "fit"]),
            actions=send(_SUBJECT, _BODY.replace("REMEDY", _WORKER)),
        ),
        AutomationCore(
            name=MODELS,
            description="Notifies people of promotions, refusals, drift and old champions",
            trigger=EventTrigger(
                expect={PROMOTED, REFUSED, score.EVENT, OLD},
                match=ResourceSpecification({"prefect.resource.id": "sightline.*"}),
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=send(_MODEL_SUBJECT, _MODEL_BODY),
        ),
    )


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
