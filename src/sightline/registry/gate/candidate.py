"""The candidate of the promotion gate."""

from sightline.config import RunConfig
from sightline.records import Certificate, DatasetFiles, Evaluation, Record, Run, TrainedModel


class Candidate(Record):
    """A trained model that may become the champion, and what the decision depends on."""

    run: Run
    config: RunConfig  # gives the limits, and the recipe whose seed noise applies
    source_sha256: str
    files: DatasetFiles
    trained: TrainedModel
    evaluation: Evaluation
    certificate: Certificate | None = None  # of its exports, if there are any
