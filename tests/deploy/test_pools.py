from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prefect.server.schemas.actions import WorkPoolCreate
from prefect.utilities.schema_tools import ValidationError, is_valid_schema, validate

import pools

ALL = "variables.additionalProperties variables.properties.env.default"
DOCKER = """
    job_configuration.container_create_kwargs
    job_configuration.volumes
    variables.properties.artifacts_volume
    variables.properties.container_create_kwargs
    variables.properties.data_volume
    variables.properties.image.default
    variables.properties.image_pull_policy.default
    variables.properties.privileged.const
    variables.properties.privileged.description
    variables.properties.registry_credentials.title
    variables.properties.shm_size
    variables.properties.volumes
"""
JOB = "job_configuration.job_manifest.spec."
POD = f"{JOB}template.spec."
KUBERNETES = f"""
    {JOB}activeDeadlineSeconds
    {POD}automountServiceAccountToken
    {POD}containers.0.securityContext
    {POD}containers.0.volumeMounts
    {POD}nodeSelector
    {POD}securityContext
    {POD}terminationGracePeriodSeconds
    {POD}tolerations
    {POD}volumes
    variables.properties.active_deadline_seconds
    variables.properties.artifacts_claim
    variables.properties.cluster_config.title
    variables.properties.cpu_request.default
    variables.properties.data_claim
    variables.properties.finished_job_ttl.default
    variables.properties.image.default
    variables.properties.memory_limit.default
    variables.properties.memory_request.default
    variables.properties.node_selector
    variables.properties.pod_watch_timeout_seconds.default
    variables.properties.shm_size
    variables.properties.tolerations
"""
GPU_COUNT = " variables.properties.gpu_count "
GPU_LIMIT = f"{POD}containers.0.resources.limits.nvidia.com/gpu"
ADDITIONS = {
    "process-cpu": ALL,
    "process-gpu": ALL,
    "docker-cpu": ALL + DOCKER,
    "docker-gpu": ALL + DOCKER + GPU_COUNT,
    "kubernetes-cpu": ALL + KUBERNETES,
    "kubernetes-gpu": ALL + KUBERNETES + GPU_COUNT + GPU_LIMIT,
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
    default = pools.worker_class(name).get_default_base_job_template()
    assert differences(default, pools.template(name)) == set(ADDITIONS[name].split())


@pytest.mark.parametrize("name", pools.NAMES)
def test_template_is_valid_and_its_variables_are_explained(name: str) -> None:
    template = pools.template(name)
    schema = template["variables"]
    WorkPoolCreate(name=name, base_job_template=template)
    is_valid_schema(schema, preprocess=False)
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert all(variable["title"] and variable["description"] for variable in properties.values())
    defaults = {key: variable.get("default") for key, variable in properties.items()}
    defaults = {key: value for key, value in defaults.items() if value is not None}
    validate(defaults, schema, raise_on_error=True, allow_none_with_default=True)
    with pytest.raises(ValidationError, match="imagee"):
        validate({"imagee": "sightline:gpu"}, schema, raise_on_error=True)


@pytest.mark.parametrize("name", pools.NAMES)
def test_deployment_changes_the_environment_of_the_pool(name: str) -> None:
    in_image = {} if name.startswith("process") else IN_IMAGE | (ON_GPU if "gpu" in name else {})
    default = pools.template(name)["variables"]["properties"]["env"]["default"]
    assert default == QUIET | in_image
    own = {"SIGHTLINE_MIRROR": "http://mirror.example", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60"}
    found = environment(pools.render(name, env=own))
    assert found.items() >= (default | own).items()
    found = environment(pools.render(name, env={"DO_NOT_TRACK": None}))
    assert found["PREFECT_LOGGING_EXTRA_LOGGERS"] == "sightline"
    assert name.startswith("process") or "DO_NOT_TRACK" not in found


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_process_pool_leaves_folder_and_command_to_the_worker(device: str) -> None:
    job = pools.render(f"process-{device}")
    assert job.working_dir is None
    assert job.command.endswith("-m prefect.engine")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("docker-gpu", {"privileged": True}),
        ("docker-gpu", {"gpu_count": 0}),
        ("docker-gpu", {"shm_size": "two"}),
        ("docker-gpu", {"artifacts_volume": ""}),
        ("kubernetes-gpu", {"gpu_count": 0}),
        ("kubernetes-gpu", {"active_deadline_seconds": "soon"}),
        ("kubernetes-gpu", {"tolerations": {}}),
        ("kubernetes-gpu", {"artifacts_claim": ""}),
        ("kubernetes-gpu", {"env": [{"name": "SECRET", "valueFrom": {}}]}),
    ],
)
def test_wrong_job_variable_is_refused_by_the_server(name: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        validate(wrong, pools.template(name)["variables"], raise_on_error=True)
