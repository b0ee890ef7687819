"""Events: what was done with a version, by whom and why."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from sightline.records import Decision, Record
from sightline.registry import paths
from sightline.registry.line import Action


class Event(Record):
    """One thing that was done with a version.

    Attributes:
        number: From 1, without gaps.
        dataset: The data set of the log.
        created: When, in UTC.
        who: Login name and host, or SIGHTLINE_USER.
        action: What was done.
        version: With which version; with a rollback, the one that is champion again.
        version_sha256: Digest of its `version.json`, which holds those of its files.
        champion_before: Name of the champion before; None where there was none.
        champion_after: Name of the champion afterwards.
        reason: Why, in the words of who did it.
        run_id: The run that the version came from.
        decision: What the promotion gate said; None where nobody asked it.
        forced: Whether it was done against the gate, or without it.
        previous_sha256: Digest of the file of the event before; None for the first.
    """

    schema_version: Literal[1] = 1
    number: int = Field(ge=1)
    dataset: str = Field(pattern=paths.DATASET)
    created: datetime
    who: str
    action: Action
    version: str
    version_sha256: str
    champion_before: str | None
    champion_after: str | None
    reason: str
    run_id: str
    decision: Decision | None = None
    forced: bool = False
    previous_sha256: str | None
