"""The champions one after the other: what the events of a data set come to."""

from dataclasses import dataclass, replace
from typing import Literal

Action = Literal["register", "promote", "refuse", "rollback"]


@dataclass(frozen=True)
class Line:
    """Who is champion and candidate after some events, and what may follow.

    Attributes:
        champions: Names of the versions that were promoted and not rolled back, the present
            champion last.
        candidate: The version that was registered last, until it is promoted or refused.
        registered: All versions that were registered.
    """

    champions: tuple[str, ...] = ()
    candidate: str | None = None
    registered: frozenset[str] = frozenset()

    @property
    def champion(self) -> str | None:
        """The version in use; None where none was promoted."""
        return self.champions[-1] if self.champions else None

    @property
    def before(self) -> str | None:
        """What a rollback makes the champion again; None where there is nothing to go back to."""
        return self.champions[-2] if len(self.champions) > 1 else None

    def after(self, action: Action, version: str) -> "Line":
        """Return what it is after one more event.

        Args:
            action: What was done.
            version: With which version; with a rollback, the one that is champion again.

        Raises:
            ValueError: That cannot be done now.
        """
        if action == "register":
            if version in self.registered:
                raise ValueError(f"{version} is registered already")
            return replace(self, candidate=version, registered=self.registered | {version})
        if version not in self.registered:
            raise ValueError(f"{version} was never registered")
        if action == "rollback":
            if version != self.before:
                raise ValueError(f"{version} was not the champion before {self.champion}")
            return replace(self, champions=self.champions[:-1])
        if version == self.champion:
            raise ValueError(f"{version} is the champion already")
        candidate = None if version == self.candidate else self.candidate
        champions = (*self.champions, version) if action == "promote" else self.champions
        return replace(self, champions=champions, candidate=candidate)
