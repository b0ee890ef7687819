from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prefect.server.schemas.actions import WorkPoolCreate
from prefect.utilities.schema_tools import ValidationError, is_valid_schema, validate

import pools

VARIABLES = "variables.properties."
POD = "job_configuration.job_manifest.spec.template.spec."

ALL = {"variables.additionalProperties", f"{VARIABLES}env.default"}
ADDITIONS = {
    "process": ALL,
    "docker": ALL
    | {
        "job_configuration.container_create_kwargs",
        "job_configuration.volumes",
        f"{VARIABLES}artifacts_volume",
        f"{VARIABLES}container_create_kwargs",
        f"{VARIABLES}data_volume",
        f"{VARIABLES}image.default",
        f"{VARIABLES}image_pull_policy.default",
        f"{VARIABLES}privileged.const",
        f"{VARIABLES}privileged.description",
        f"{VARIABLES}registry_credentials.title",
        f"{VARIABLES}shm_size",
        f"{VARIABLES}volumes",
    },
    "kubernetes": ALL
    | {
        "job_configuration.job_manifest.spec.activeDeadlineSeconds",
        f"{POD}automountServiceAccountToken",
        f"{POD}containers.0.securityContext",
        f"{POD}containers.0.volumeMounts",
        f"{POD}nodeSelector",
        f"{POD}securityContext",
        f"{POD}terminationGracePeriodSeconds",
        f"{POD}tolerations",
        f"{POD}volumes",
        f"{VARIABLES}active_deadline_seconds",
        f"{VARIABLES}artifacts_claim",
        f"{VARIABLES}cluster_config.title",
        f"{VARIABLES}cpu_request.default",
        f"{VARIABLES}data_claim",
        f"{VARIABLES}finished_job_ttl.default",
        f"{VARIABLES}image.default",
        f"{VARIABLES}memory_limit.default",
        f"{VARIABLES}memory_request.default",
        f"{VARIABLES}node_selector",
        f"{VARIABLES}pod_watch_timeout_seconds.default",
        f"{VARIABLES}shm_size",
        f"{VARIABLES}tolerations",
    },
}
GPU_ADDITIONS = {
    "process": set(),
    "docker": {f"{VARIABLES}gpu_count"},
    "kubernetes": {f"{VARIABLES}gpu_count", f"{POD}containers.0.resources.limits.nvidia.com/gpu"},
}
"""Every place where our template differs from the default of the installed worker."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "sightline",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
IN_IMAGE = {
    "PREFECT_HOME": "/home/sightline/.prefect",
    "SIGHTLINE_ARTIFACTS": "/artifacts",
    "SIGHTLINE_DATA_DIR": "/data",
}
ON_GPU = {"SIGHTLINE_GPU": "required"}
ENVIRONMENTS = {
    "process-cpu": QUIET,
    "process-gpu": QUIET,
    "docker-cpu": QUIET | IN_IMAGE,
    "docker-gpu": QUIET | IN_IMAGE | ON_GPU,
    "kubernetes-cpu": QUIET | IN_IMAGE,
    "kubernetes-gpu": QUIET | IN_IMAGE | ON_GPU,
}


def differences(one: Any, other: Any, path: str = "") -> set[str]:
    """List the places where two JSON values differ."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = dict(enumerate(one)), dict(enumerate(other))
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return set() if one == other else {path}
    found = {f"{path}.{key}" if path else f"{key}" for key in one.keys() ^ other.keys()}
    for key in one.keys() & other.keys():
        found |= differences(one[key], other[key], f"{path}.{key}" if path else f"{key}")
    return found


def environment(job: Any) -> dict[str, str]:
    """Read the environment of a rendered job, wherever its kind keeps it."""
    if not hasattr(job, "job_manifest"):
        return dict(job.env)
    container = job.job_manifest["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry["value"] for entry in container["env"]}


@pytest.mark.parametrize("name", pools.NAMES)
def test_template_is_the_installed_default_and_our_additions(name: str) -> None:
    kind, _, device = name.partition("-")
    default = pools.worker_class(name).get_default_base_job_template()
    expected = ADDITIONS[kind] | (GPU_ADDITIONS[kind] if device == "gpu" else set())
    assert differences(default, pools.template(name)) == expected


@pytest.mark.parametrize("name", pools.NAMES)
def test_template_is_valid_and_its_variables_are_explained(name: str) -> None:
    template = pools.template(name)
    schema = template["variables"]
    WorkPoolCreate(name=name, base_job_template=template)
    is_valid_schema(schema, preprocess=False)
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert all(variable["title"] and variable["description"] for variable in properties.values())
    defaults = {
        key: variable["default"]
        for key, variable in properties.items()
        if variable.get("default") is not None
    }
    validate(defaults, schema, raise_on_error=True, allow_none_with_default=True)
    with pytest.raises(ValidationError, match="imagee"):
        validate({"imagee": "sightline:gpu"}, schema, raise_on_error=True)


@pytest.mark.parametrize("name", pools.NAMES)
def test_deployment_changes_the_environment_of_the_pool(name: str) -> None:
    assert pools.template(name)["variables"]["properties"]["env"]["default"] == ENVIRONMENTS[name]
    own = {"SIGHTLINE_MIRROR": "http://mirror.example", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60"}
    found = environment(pools.render(name, env=own))
    assert found.items() >= (ENVIRONMENTS[name] | own).items()
    found = environment(pools.render(name, env={"DO_NOT_TRACK": None}))
    assert found["PREFECT_LOGGING_EXTRA_LOGGERS"] == "sightline"
    assert name.startswith("process") or "DO_NOT_TRACK" not in found


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_process_pool_leaves_folder_and_command_to_the_worker(device: str) -> None:
    job = pools.render(f"process-{device}")
    assert job.working_dir is None
    assert job.command.endswith("-m prefect.engine")
