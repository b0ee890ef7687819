"""Checks `prefect.yaml` before `prefect deploy`, whose answer to a wrong value is a traceback."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.schema_tools.validation import validate

from sightline.data import locate
from sightline.errors import ConfigError, DataError
from sightline.storage.text import quoted

Parameters = dict[str, Any]


def check(path: Path) -> tuple[dict[str, Any], ...]:
    """Check the parameters of all deployments and schedules, and return the deployments.

    Raises ConfigError if the file cannot be read or a value is one that the server would refuse,
    and DataError if a data set is a relative path.
    """
    try:
        deployments = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
        named = [(one["name"], one["entrypoint"]) for one in deployments]
    except (OSError, ValueError, yaml.YAMLError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} is no file of deployments, each with a name and an entrypoint: "
            f"{' '.join(str(error).split())}."
        ) from None
    for deployment, (name, entrypoint) in zip(deployments, named, strict=True):
        _check_shape(f"{path}: deployment {name}", deployment)
        schema = _schema(f"{path}: deployment {name}", entrypoint)
        for where, parameters in _parameters(deployment):
            _check(f"{path}: {where}", parameters, schema)
    return tuple(deployments)


def pools(deployments: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of the work pools of deployments, each once."""
    named = [(one.get("work_pool") or {}).get("name") for one in deployments]
    return [name for name in dict.fromkeys(named) if name]


def _check_shape(where: str, deployment: dict[str, Any]) -> None:
    pool, schedules = deployment.get("work_pool") or {}, deployment.get("schedules") or []
    if not isinstance(pool, dict):
        raise ConfigError(f"{where}: work_pool is {quoted(pool)}; expected keys such as name.")
    if not isinstance(schedules, list) or not all(isinstance(one, dict) for one in schedules):
        raise ConfigError(
            f"{where}: schedules is {quoted(schedules)}; expected a list of keys such as cron."
        )


def _schema(where: str, entrypoint: object) -> Parameters:
    """Return the schema of the parameters of a flow."""
    try:
        return load_flow_from_entrypoint(str(entrypoint)).parameters.model_dump()
    except Exception as error:
        raise ConfigError(
            f"{where}: the entrypoint {quoted(entrypoint)} cannot be loaded "
            f"({type(error).__name__}: {quoted(error)}); expected package.module.flow of an "
            "installed package."
        ) from None


def _parameters(deployment: dict[str, Any]) -> Iterator[tuple[str, Parameters]]:
    """Yield the parameters of a deployment and of its schedules, with their place."""
    given = deployment.get("parameters") or {}
    name = f"deployment {deployment['name']}"
    yield name, given
    for schedule in deployment.get("schedules") or []:
        own = schedule.get("parameters") or {}
        yield f"{name}, schedule {schedule.get('slug', 'without a slug')}", {**given, **own}


def _check(where: str, parameters: Parameters, schema: Any) -> None:
    if "dataset" in parameters:
        try:
            locate.check_same_everywhere(str(parameters["dataset"]))
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
    for mistake in validate(parameters, schema, ignore_required=True):
        key = ".".join(map(str, mistake.absolute_path)) or "parameters"
        raise ConfigError(f"{where}: {key} cannot be used: {mistake.message}.")
