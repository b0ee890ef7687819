import pytest
from jsonschema import Draft202012Validator
from prefect.server.schemas.actions import WorkPoolCreate
from prefect.utilities.schema_tools import ValidationError, is_valid_schema, validate

import pools


def below(prefix, names):
    return {f"{prefix}.{name}" for name in names.split()}


JOB = "job_configuration.job_manifest.spec"
POD = f"{JOB}.template.spec"
VARIABLES = "variables.properties"
ALL = {"variables.additionalProperties", f"{VARIABLES}.env.default"}
DOCKER = below("job_configuration", "container_create_kwargs volumes") | below(
    VARIABLES,
    """
    artifacts_volume container_create_kwargs data_volume image.default image_pull_policy.default
    privileged.const privileged.description registry_credentials.title shm_size volumes
    """,
)
KUBERNETES = {f"{JOB}.activeDeadlineSeconds"}
KUBERNETES |= below(
    POD,
    """
    automountServiceAccountToken containers.0.securityContext containers.0.volumeMounts
    nodeSelector securityContext terminationGracePeriodSeconds tolerations volumes
    """,
)
KUBERNETES |= below(
    VARIABLES,
    """
    active_deadline_seconds artifacts_claim cluster_config.title cpu_request.default data_claim
    finished_job_ttl.default image.default memory_limit.default memory_request.default
    node_selector pod_watch_timeout_seconds.default shm_size tolerations
    """,
)
GPU_COUNT = {f"{VARIABLES}.gpu_count"}
ADDITIONS = {
    "process-cpu": ALL,
    "process-gpu": ALL,
    "docker-cpu": ALL | DOCKER,
    "docker-gpu": ALL | DOCKER | GPU_COUNT,
    "kubernetes-cpu": ALL | KUBERNETES,
    "kubernetes-gpu": ALL
    | KUBERNETES
    | GPU_COUNT
    | {f"{POD}.containers.0.resources.limits.nvidia.com/gpu"},
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


def differences(one, other, path=""):
    """List the places where two JSON values differ."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = dict(enumerate(one)), dict(enumerate(other))
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return set() if one == other else {path.removesuffix(".")}
    found = {f"{path}{key}" for key in one.keys() ^ other.keys()}
    for key in one.keys() & other.keys():
        found |= differences(one[key], other[key], f"{path}{key}.")
    return found


def environment(job):
    """Read the environment of a rendered job, wherever its kind keeps it."""
    if not hasattr(job, "job_manifest"):
        return dict(job.env)
    container = job.job_manifest["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry["value"] for entry in container["env"]}


@pytest.mark.parametrize("name", pools.NAMES)
def test_template_is_the_installed_default_and_our_additions(name):
    default = pools.worker_class(name).get_default_base_job_template()
    assert differences(default, pools.template(name)) == ADDITIONS[name]


@pytest.mark.parametrize("name", pools.NAMES)
def test_template_is_valid_and_its_variables_are_explained(name):
    template = pools.template(name)
    schema = template["variables"]
    WorkPoolCreate(name=name, base_job_template=template)
    is_valid_schema(schema, preprocess=False)
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert all(variable["title"] and variable["description"] for variable in properties.values())
    found = {key: variable.get("default") for key, variable in properties.items()}
    defaults = {key: value for key, value in found.items() if value is not None}
    validate(defaults, schema, raise_on_error=True, allow_none_with_default=True)
    with pytest.raises(ValidationError, match="imagee"):
        validate({"imagee": "sightline:gpu"}, schema, raise_on_error=True)


@pytest.mark.parametrize("name", pools.NAMES)
def test_deployment_changes_the_environment_of_the_pool(name):
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
def test_process_pool_leaves_folder_and_command_to_the_worker(device):
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
def test_wrong_job_variable_is_refused_by_the_server(name, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        validate(wrong, pools.template(name)["variables"], raise_on_error=True)
