"""How the champion of a data set is."""

from datetime import UTC, datetime

from sightline.records.base import Record
from sightline.records.evaluation import Interval
from sightline.records.scoring import ScoringStatus


class Health(Record):
    """The champion of a data set, if there is one, and what its scores say."""

    dataset: str
    champion: str | None = None
    damages: tuple[str, ...] = ()  # What `sightline models verify` would say; healthy if empty
    registered: datetime | None = None  # In UTC
    recipe: str = ""
    accuracy: float | None = None  # On the test split, in [0, 1]
    accuracy_interval: Interval | None = None  # 95 %
    refused: int = 0  # Number of candidates that were refused since the last promotion
    decision: str = ""  # The last decision in words
    scores: tuple[ScoringStatus, ...] = ()  # The state of what it has scored

    @property
    def age_days(self) -> int | None:
        """Return the days since it was registered."""
        return (datetime.now(UTC) - self.registered).days if self.registered else None
