"""Names of versions: aliases that follow from the events, and versions named outright."""

from typing import Literal, get_args

from sightline.errors import InputError
from sightline.records import Record
from sightline.registry import audit_log, paths
from sightline.registry.version import Version, read_registered
from sightline.storage.workspace import Workspace

Alias = Literal["champion", "candidate"]
ALIASES: tuple[Alias, ...] = get_args(Alias)
_LONGEST = 60


class Aliases(Record):
    """What the aliases of a data set mean now.

    Attributes:
        champion: The version in use.
        candidate: The version that was registered last and is neither promoted nor refused.
    """

    champion: str | None = None
    candidate: str | None = None


def aliases(workspace: Workspace, dataset: str) -> Aliases:
    """Find out what the aliases of a data set mean.

    Args:
        dataset: The data set's name; one that the store does not know has no aliases.

    Raises:
        InputError: The audit log is damaged, or it is no name of a data set.
    """
    line = audit_log.read(workspace, dataset).line
    return Aliases(champion=line.champion, candidate=line.candidate)


def is_name(text: str) -> bool:
    """Tell whether a text is an alias or the name of a version, whether there is one or not."""
    return text in ALIASES or paths.parse(text) is not None


def run_of(workspace: Workspace, dataset: str, alias: Alias) -> str | None:
    """Return the run that an alias's version came from; the version may be damaged or gone.

    Args:
        dataset: The data set's name.
        alias: Which.

    Returns:
        The run's id; None where there is no such version.

    Raises:
        InputError: The audit log is damaged, or it is no name of a data set.
    """
    trail = audit_log.read(workspace, dataset)
    name = getattr(trail.line, alias)
    event = trail.last(lambda event: event.version == name)
    return event.run_id if event else None


def champion(workspace: Workspace, dataset: str) -> Version | None:
    """Read the version of a data set that is in use; None where none was promoted.

    Raises:
        InputError: The audit log or the version is damaged, or it is no name of a data set.
    """
    trail = audit_log.read(workspace, dataset)
    name = trail.line.champion
    return read_registered(workspace, trail, name) if name else None


def resolve(workspace: Workspace, name: str, dataset: str | None = None) -> Version:
    """Read the version that a name stands for; there is no name for the newest one.

    Args:
        name: "champion", "candidate", or a version such as "mnist-v3".
        dataset: Whose alias; may be left out where only one data set has it.

    Raises:
        InputError: There is no such version, it is not clear which is meant, or it is damaged.
    """
    found = find(workspace, name, dataset)
    parsed = paths.parse(found)
    assert parsed is not None  # noqa: S101 - what `find` returns
    return read_registered(workspace, audit_log.read(workspace, parsed[0]), found)


def find(workspace: Workspace, name: str, dataset: str | None = None) -> str:
    """Return the name of the version that a name stands for; the version itself is not read.

    Args:
        name: As for `resolve`.
        dataset: As for `resolve`.

    Raises:
        InputError: As for `resolve`.
    """
    if name in ALIASES:
        return _of_alias(workspace, name, dataset)
    parsed = paths.parse(name)
    if parsed is None:
        raise InputError(
            f"{name[:_LONGEST]!r} is no model of the store; expected champion, candidate, or a "
            "version such as mnist-v3. See `sightline models list`."
        )
    if dataset is not None and parsed[0] != dataset:
        raise InputError(f"{name} is a version of {parsed[0]}, not of {dataset[:_LONGEST]!r}.")
    if name not in audit_log.read(workspace, parsed[0]).line.registered:
        raise InputError(
            f"There is no version {name!r} in {workspace}; see `sightline models list`."
        )
    return name


def _of_alias(workspace: Workspace, alias: str, dataset: str | None) -> str:
    asked = paths.datasets(workspace) if dataset is None else [dataset]
    found = [name for one in asked if (name := getattr(aliases(workspace, one), alias))]
    if not found:
        of = f" of {dataset}" if dataset is not None else ""
        raise InputError(
            f"There is no {alias}{of} in {workspace}; `sightline models list` shows what there is, "
            "`sightline models promote RUN` makes a champion."
        )
    if len(found) > 1:
        raise InputError(
            f"{len(found)} data sets have a {alias}: {', '.join(found)}; say which with --dataset."
        )
    return str(found[0])
