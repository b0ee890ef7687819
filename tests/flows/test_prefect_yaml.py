"""`prefect.yaml` against Prefect's own schema: Prefect ignores what it does not know, we don't."""

import copy
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from prefect.cli.deploy._models import ConcurrencyLimitSpec, PrefectYamlModel
from prefect.events import DeploymentEventTrigger
from prefect.utilities.callables import parameter_schema

TEXT = (Path(__file__).parents[2] / "prefect.yaml").read_text()
FILE = yaml.safe_load(TEXT)
BY_NAME: dict[str, dict[str, Any]] = {item["name"]: item for item in FILE["deployments"]}


def closed(schema):
    """Refuse unknown keys wherever the schema lists the known ones."""
    if isinstance(schema, dict):
        found = {key: closed(value) for key, value in schema.items()}
        if "properties" in found and found.get("additionalProperties") is not True:
            found["additionalProperties"] = False
        return found
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def check(file):
    schema = closed(PrefectYamlModel.model_json_schema(by_alias=True))
    schema["properties"]["definitions"] = {"type": "object"}  # anchors; Prefect leaves them alone
    jsonschema.validate(file, schema)
    limits = closed(ConcurrencyLimitSpec.model_json_schema())
    triggers = closed(DeploymentEventTrigger.model_json_schema())
    for deployment in file["deployments"]:
        if "concurrency_limit" in deployment:
            jsonschema.validate(deployment["concurrency_limit"], limits)
        for trigger in deployment.get("triggers", []):
            jsonschema.validate(trigger, triggers)


def test_file_fits_prefects_schema_without_unknown_keys():
    check(FILE)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ((), "deployment"),
        (("deployments", 0), "enforce_parameters_schema"),
        (("deployments", 0, "work_pool"), "queue"),
        (("deployments", 0, "schedules", 0), "time_zone"),
        (("deployments", 0, "concurrency_limit"), "strategy"),
        (("deployments", 1, "triggers", 0), "expects"),
    ],
)
def test_misspelt_key_is_refused(path, key):
    file: Any = copy.deepcopy(FILE)
    place = file
    for part in path:
        place = place[part]
    place[key] = "x"
    with pytest.raises(jsonschema.ValidationError):
        check(file)


@pytest.mark.parametrize("name", BY_NAME)
def test_deployment_names_a_flow_and_parameters_that_it_takes(name):
    deployment = BY_NAME[name]
    module, _, function = deployment["entrypoint"].rpartition(".")
    schema = closed(parameter_schema(getattr(import_module(module), function)).model_dump())
    required = schema.pop("required", [])  # a caller gives these
    given = {**deployment.get("parameters", {})}
    for schedule in deployment.get("schedules", []):
        given |= schedule.get("parameters", {})
        assert set(required) <= set(given), "a schedule has to give all that is required"
        assert {"slug", "cron", "timezone"} <= set(schedule)
    jsonschema.validate(given, schema)
    for trigger in deployment.get("triggers", []):
        assert set(trigger["parameters"]) <= set(schema["properties"])


def test_deployments_are_queued_one_at_a_time_but_nodes_trials_and_shards_are_not():
    one_at_a_time = {"limit": 1, "collision_strategy": "ENQUEUE"}
    for name, deployment in BY_NAME.items():
        limit = None if name in {"fit-node", "shard-cpu", "trial-cpu"} else one_at_a_time
        assert deployment.get("concurrency_limit") == limit
        assert deployment["enforce_parameter_schema"] is True
        assert deployment["description"]
        assert deployment["tags"]


def test_event_trigger_hands_over_name_and_digest():
    trigger, on_drift = BY_NAME["train-on-data"]["triggers"]
    from sightline.flows import score, watch

    assert trigger["expect"] == [watch.EVENT]
    assert on_drift["expect"] == [score.EVENT]
    assert "gate" not in on_drift["parameters"], "that of the deployment, which a person may change"
    assert BY_NAME["train-on-data"]["parameters"]["gate"] == "enforce"
    assert trigger["parameters"] == {
        "dataset": "{{ event.payload.dataset }}",
        "sha256": "{{ event.payload.sha256 }}",
    }


def test_file_holds_no_path_and_no_secret():
    values = re.sub(r"#.*", "", TEXT)
    assert not re.search(r"(?<![\w*])/(?:home|srv|opt|work|tmp|root|mnt|data|artifacts)\b", values)
    assert not re.search(r"password|token|secret|://", values, re.IGNORECASE)
