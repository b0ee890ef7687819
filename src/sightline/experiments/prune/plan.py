"""What a cleanup removes and what it keeps, as one record."""

from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from sightline.records import Record

Reason = Literal[
    "pinned",
    "among the newest",
    "the newest of its data set and recipe",
    "candidate",
    "possibly the candidate",
]
LINK = "it is a symbolic link, and other programs may use its target"


class RegisteredModels(NamedTuple):
    """What a cleanup has to know about the model registry."""

    candidates: frozenset[str]  # IDs of the runs whose models await a promotion decision
    unreadable: dict[str, str]  # Data set to the error, where its event log is damaged
    folders: tuple[Path, ...]  # Where a killed process may have left files; may be missing


class OldRun(Record):
    """A run to remove: its ID, its publication time (UTC) and its size in bytes."""

    run_id: str
    created: datetime
    bytes: int


class OldEntry(Record):
    """A cache entry that no kept run refers to: its stage, key and size in bytes."""

    stage: str
    key: str
    bytes: int


class Leftover(Record):
    """A file or folder of a killed process: path relative to the artifacts root, in bytes."""

    path: str
    bytes: int


class KeptRun(Record):
    """A run that stays, and why."""

    run_id: str
    reason: Reason


class Skipped(Record):
    """Something that a cleanup never touches: path relative to the artifacts root, and why."""

    path: str
    reason: str


class Plan(Record):
    """What a cleanup removes and what it keeps."""

    runs: tuple[OldRun, ...]  # Runs to remove, the last published first; `kept` are those that stay
    entries: tuple[OldEntry, ...]
    leftovers: tuple[Leftover, ...]
    kept: tuple[KeptRun, ...]
    skipped: tuple[Skipped, ...]  # What stays because it is unknown or unreadable
    cache_checked: bool  # Whether all manifests could be read. If not, no cache entry is removed.
    bytes: int  # How much is freed in total
