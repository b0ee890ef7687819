"""A trial on a node of a Ray cluster."""

import os
from uuid import UUID

import ray
from prefect.client.orchestration import get_client
from prefect.context import refresh_global_settings_context
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    get_current_settings,
    temporary_settings,
)

from sightline.flows.server.lost_runs import TAG
from sightline.flows.trials.deployed import parameters
from sightline.flows.trials.flow import deployed_trial
from sightline.flows.trials.trial import Trial
from sightline.pipeline import ray_cluster
from sightline.pipeline.process import keras_process
from sightline.training.device import prepare_process

_HEARTBEAT_SECONDS = 30  # As in prefect.yaml: a run that is silent is lost


def run_trial(trial: Trial, flow_run_id: UUID) -> None:
    """Run a trial in a flow run that exists; its end is in the state of the flow run."""
    # Threads do not see the settings that came with the task
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    os.environ.update(settings)
    refresh_global_settings_context()
    training = trial.config.training
    ray_cluster.limit_threads()
    try:
        if ray.get_gpu_ids() and training.device == "auto":
            prepare_process(training.model_copy(update={"device": "gpu"}))
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run_id, tags=[TAG, "trial"])
            flow_run = client.read_flow_run(flow_run_id)
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: _HEARTBEAT_SECONDS}):
            run_flow(
                deployed_trial, flow_run=flow_run, parameters=parameters(trial), return_type="state"
            )
    finally:
        keras_process().close()  # which frees the memory of the GPU for the next trial
