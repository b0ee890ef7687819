"""What a clean-up removes and what it leaves, as one record."""

from datetime import datetime
from typing import Literal

from sightline.records import Record

Reason = Literal[
    "pinned",
    "among the newest",
    "the newest of its data set and recipe",
    "candidate",
    "perhaps the candidate",
]
LINK = "it is a symbolic link, and what it points to may serve others"


class OldRun(Record):
    """A run that goes: its id, when it was published (UTC), its bytes."""

    run_id: str
    created: datetime
    bytes: int


class OldEntry(Record):
    """A cache entry that no run that stays refers to: its stage, its key, its bytes."""

    stage: str
    key: str
    bytes: int


class Leftover(Record):
    """What a killed process left: POSIX path relative to the artifacts root, bytes."""

    path: str
    bytes: int


class KeptRun(Record):
    """A run that stays, and why."""

    run_id: str
    why: Reason


class LeftAlone(Record):
    """What nobody touches since it is not understood: path relative to the root, and why."""

    path: str
    why: str


class Plan(Record):
    """What a clean-up removes, and what it leaves.

    Attributes:
        runs: Runs that go, the last published first.
        entries: Cache entries that go.
        leftovers: What killed processes left half written or half removed.
        kept: Runs that stay, the last published first.
        left_alone: What stays because it is not understood.
        cache_is_judged: Whether it is known what every run that stays needs; where it is not,
            no cache entry goes.
        bytes: What is freed in all.
    """

    runs: tuple[OldRun, ...]
    entries: tuple[OldEntry, ...]
    leftovers: tuple[Leftover, ...]
    kept: tuple[KeptRun, ...]
    left_alone: tuple[LeftAlone, ...]
    cache_is_judged: bool
    bytes: int
