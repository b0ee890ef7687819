"""Names of versions: the aliases champion and candidate, and names such as mnist-v3."""

from typing import Literal, get_args

from sightline.errors import InputError
from sightline.records import Record
from sightline.registry import audit_log, paths
from sightline.registry.version import Version, read_registered, unknown_version
from sightline.storage.workspace import Workspace

Alias = Literal["champion", "candidate"]
ALIASES: tuple[Alias, ...] = get_args(Alias)


class Aliases(Record):
    """The version in use, and the one registered last unless it was promoted or refused."""

    champion: str | None = None
    candidate: str | None = None


def aliases(workspace: Workspace, dataset: str) -> Aliases:
    """Return the aliases of a data set, none of an unknown one; raise as `champion` does."""
    state = audit_log.read(workspace, dataset).state
    return Aliases(champion=state.champion, candidate=state.candidate)


def is_name(text: str) -> bool:
    """Return whether a text has the form of an alias or of a version's name."""
    return text in ALIASES or paths.parse(text) is not None


def run_of(workspace: Workspace, dataset: str, alias: Alias) -> str | None:
    """Return the run ID of an alias's version, which may be damaged; raise as `champion` does."""
    log = audit_log.read(workspace, dataset)
    name = getattr(log.state, alias)
    event = log.last(lambda event: event.version == name)
    return event.run_id if event else None


def champion(workspace: Workspace, dataset: str) -> Version | None:
    """Read the champion of a data set; None if none was promoted.

    Raises InputError if the log or the version is damaged, or `dataset` is not a data set name.
    """
    log = audit_log.read(workspace, dataset)
    name = log.state.champion
    return read_registered(workspace, log, name) if name else None


def resolve(workspace: Workspace, name: str, dataset: str | None = None) -> Version:
    """Read the version that a name stands for: an alias, or a version such as "mnist-v3".

    An alias needs no `dataset` if only one data set has it. Raises InputError if there is no such
    version, the name is ambiguous, or the version is damaged.
    """
    found = find(workspace, name, dataset)
    log = audit_log.read(workspace, found.rpartition("-v")[0])
    return read_registered(workspace, log, found)


def find(workspace: Workspace, name: str, dataset: str | None = None) -> str:
    """Return the name of the version that a name stands for, without reading it; see `resolve`."""
    if name in ALIASES:
        return _of_alias(workspace, name, dataset)
    parsed = paths.parse(name)
    if parsed is None:
        raise InputError(
            f"{name[:60]!r} is not a registered model; expected champion, candidate, or a "
            "version such as mnist-v3. See `sightline models list`."
        )
    if dataset is not None and parsed[0] != dataset:
        raise InputError(f"{name} is a version of {parsed[0]}, not of {dataset[:60]!r}.")
    if name not in audit_log.read(workspace, parsed[0]).state.registered:
        raise unknown_version(workspace, name)
    return name


def _of_alias(workspace: Workspace, alias: str, dataset: str | None) -> str:
    chosen = paths.datasets(workspace) if dataset is None else [dataset]
    found = [name for one in chosen if (name := getattr(aliases(workspace, one), alias))]
    if not found:
        of = f" of {dataset}" if dataset is not None else ""
        raise InputError(
            f"There is no {alias}{of} in {workspace}. `sightline models list` lists all versions; "
            "`sightline models promote RUN` makes a run's model the champion."
        )
    if len(found) > 1:
        raise InputError(
            f"{len(found)} data sets have a {alias}: {', '.join(found)}; choose with --dataset."
        )
    return str(found[0])
