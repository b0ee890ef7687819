"""The work pools that the deployments of a file name, made from the templates beside it."""

from collections.abc import Iterable
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from pydantic import TypeAdapter

from sightline.errors import ConfigError

DEFAULT_TYPE = "process"


def make(
    client: SyncPrefectClient, names: Iterable[str], kind: str | None, templates: Path
) -> dict[str, str]:
    """Make the pools that are missing, and say what was done with each.

    A pool that is there stays as it is, since somebody may have changed it. New pools are of type
    `kind`, by default process, from the template `<kind>-<name>.json` in a folder. Before any pool
    is made, raises ConfigError if one is of another type than `kind`, or if a template is missing.
    """
    known = {name: _type(client, name) for name in names}
    for name, found in known.items():
        if found is not None and kind not in {None, found}:
            raise ConfigError(
                f"The work pool {name} is of type {found}, not {kind}, and Prefect cannot change "
                f"the type of a pool. Wait until nothing runs, then `prefect work-pool delete "
                f"{name}` and deploy again; or leave the type out, to keep the pool."
            )
    chosen = kind or DEFAULT_TYPE
    missing = {
        name: _template(templates / f"{chosen}-{name}.json") for name in known if not known[name]
    }
    for name, template in missing.items():
        client.create_work_pool(WorkPoolCreate(name=name, type=chosen, base_job_template=template))
    return {
        f"pool {name}": f"created, {chosen}" if name in missing else f"up to date, {known[name]}"
        for name in known
    }


def _type(client: SyncPrefectClient, name: str) -> str | None:
    try:
        return client.read_work_pool(name).type
    except ObjectNotFound:
        return None


def _template(path: Path) -> dict[str, object]:
    try:
        return TypeAdapter(dict[str, object]).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing, the template of a work pool that is yet to be made; make the pool "
            "yourself, with `prefect work-pool create`, then deploy again."
        ) from None
    except (OSError, ValueError) as error:
        cause = " ".join(str(error).split())
        raise ConfigError(f"{path} is no template of a work pool: {cause}.") from None
