"""Events: what was done with a version, by whom and why; and what they amount to."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal

from pydantic import Field

from sightline.records import Decision, Record
from sightline.registry import paths

Action = Literal["register", "promote", "refuse", "rollback", "prune"]


class Event(Record):
    """One change of the registry."""

    schema_version: Literal[1] = 1
    number: int = Field(ge=1)  # without gaps
    dataset: str = Field(pattern=paths.DATASET)
    created: datetime  # in UTC
    who: str  # login name and host, or SIGHTLINE_USER
    action: Action
    version: str  # of a rollback, the one that becomes champion again
    version_sha256: str  # of its `version.json`, which holds the digests of its files
    champion_before: str | None
    champion_after: str | None
    reason: str
    run_id: str
    decision: Decision | None = None  # of the promotion gate, if it was asked
    forced: bool = False  # against the gate's decision, or without one
    previous_sha256: str | None  # of the previous event's file; None for the first


@dataclass(frozen=True)
class State:
    """The champion and the candidate after some events, and which events may follow."""

    champions: tuple[str, ...] = ()  # promoted and not rolled back; the last is the champion
    candidate: str | None = None  # the version registered last, until it is promoted or refused
    registered: frozenset[str] = frozenset()
    pruned: frozenset[str] = frozenset()  # those of them whose files were removed

    @property
    def champion(self) -> str | None:
        """The version in use; None if none was promoted."""
        return self.champions[-1] if self.champions else None

    @property
    def previous_champion(self) -> str | None:
        """The version that a rollback returns to; None if there is none."""
        return self.champions[-2] if len(self.champions) > 1 else None

    def after(self, action: Action, version: str) -> "State":
        """Return the state after one more event; raise ValueError if it is not possible now."""
        if action == "register":
            if version in self.registered:
                raise ValueError(f"{version} is already registered")
            return replace(self, candidate=version, registered=self.registered | {version})
        if version not in self.registered:
            raise ValueError(f"{version} was never registered")
        if version in self.pruned:
            raise ValueError(f"{version} was pruned")
        if action == "prune":
            return self._without(version)
        if action == "rollback":
            if version != self.previous_champion:
                raise ValueError(f"{version} was not the champion before {self.champion}")
            return replace(self, champions=self.champions[:-1])
        if version == self.champion:
            raise ValueError(f"{version} is already the champion")
        candidate = None if version == self.candidate else self.candidate
        champions = (*self.champions, version) if action == "promote" else self.champions
        return replace(self, champions=champions, candidate=candidate)

    def _without(self, version: str) -> "State":
        """Return the state without a version's files; no rollback leads to it any more."""
        if version in {self.champion, self.previous_champion, self.candidate}:
            raise ValueError(f"{version} is in use")
        left = (one for one in self.champions if one != version)
        champions = tuple(name for name, _ in groupby(left))  # each was another one's successor
        return replace(self, champions=champions, pruned=self.pruned | {version})
