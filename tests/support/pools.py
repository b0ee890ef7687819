"""Reads the templates of work pools and renders them as the real workers do."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker
from prefect_docker.worker import DockerWorker
from prefect_kubernetes.worker import KubernetesWorker

from command import ROOT

WORKERS: dict[str, type[BaseWorker[Any, Any, Any]]] = {
    worker.type: worker for worker in (ProcessWorker, DockerWorker, KubernetesWorker)
}
NAMES = [f"{kind}-{device}" for kind in WORKERS for device in ("cpu", "gpu")]


def template(name: str) -> dict[str, Any]:
    """Read the base job template of a pool, such as "docker-gpu"."""
    found = json.loads((ROOT / "deploy" / "pools" / f"{name}.json").read_text())
    assert isinstance(found, dict)
    return found


def worker_class(name: str) -> type[BaseWorker[Any, Any, Any]]:
    """Return the class of the workers that serve a pool."""
    return WORKERS[name.partition("-")[0]]


def render(name: str, source: dict[str, Any] | None = None, **variables: object) -> Any:
    """Make the configuration of a flow run's job, as a worker does before it submits the job.

    The pool's template is `source`, by default the one in the repository; `variables` are the
    deployment's job variables.
    """

    async def fill() -> Any:
        configuration = worker_class(name).job_configuration
        async with get_client() as client:
            return await configuration.from_template_and_values(
                source or template(name), variables, client=client
            )

    with temporary_settings({PREFECT_API_URL: "http://prefect.example:4200/api"}):
        job = asyncio.run(fill())
        job.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="nightly"))
    return job
