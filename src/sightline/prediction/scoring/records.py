"""Records of a scoring: the request to the Keras process, and the outcome."""

from pydantic import Field

from sightline.prediction.records import ServedModel
from sightline.records import Record


class ScoreRequest(Record):
    """What to score, with which model, and where the scores belong."""

    name: str  # Of the scores
    data: str  # Path or URL of the images
    model: ServedModel
    abstain_below: float = Field(default=0.0, ge=0, le=1)
    with_probabilities: bool = False
    part_images: int = Field(default=10_000, ge=1)  # About so many images form a part


class Scored(Record):
    """What a scoring did."""

    name: str
    folder: str  # Where the scores are
    model: str
    images: int = 0  # Number of images that were scored now
    failed: int = 0  # Those of them that could not be read
    abstained: int = 0  # Those without a sufficiently probable class
    known: int = 0  # Number of images that the model had scored before
    copies: int = 0  # Number of files whose content was scored under another name
    parts: tuple[str, ...] = ()  # Files that were written, relative to the folder
    first_error: str | None = None
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """Summarize it in one line."""
        found = [f"{self.images:,} new images scored by {self.model}, {self.known:,} known"]
        for count, what in (
            (self.failed, "unreadable"),
            (self.abstained, "abstained"),
            (self.copies, "copies of others"),
        ):
            found += [f"{count:,} {what}"] if count else []
        return f"{self.name}: {', '.join(found)}"
