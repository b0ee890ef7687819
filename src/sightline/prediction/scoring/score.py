"""Score what has arrived: each image once by each model, in bounded memory."""

from pathlib import Path

from sightline.pipeline.process import keras_process
from sightline.prediction.records import ServedModel
from sightline.prediction.scoring import arrivals
from sightline.prediction.scoring.ledger import Ledger
from sightline.prediction.scoring.place import Scores
from sightline.prediction.scoring.records import Scored, ScoreRequest
from sightline.records import Run


def score(
    run: Run,
    scores: Scores,
    data: str,
    model: ServedModel,
    abstain_below: float = 0.0,
    *,
    with_probabilities: bool = False,
) -> Scored:
    """Score the images at a path or URL that this model has not scored.

    What was finished when a scoring was killed stays, and the next one goes on from there. Of two
    at once, the second waits. Without new images, no model is loaded.

    Raises DataError if there is no such path or it cannot be read, ModelFileError for the
    model's file, and StorageError if the scores cannot be written.
    """
    path = arrivals.find(data)
    request = ScoreRequest(
        name=scores.name,
        data=str(path),
        model=model,
        abstain_below=abstain_below,
        with_probabilities=with_probabilities,
    )
    run.workspace.check_writable()
    scores.pull()
    if (known := _all_known(path, Ledger(scores, model.sha256))) is not None:
        return Scored(name=scores.name, folder=str(scores.folder), model=model.name, known=known)
    return keras_process().run(score_request, run, request)


def _all_known(path: Path, ledger: Ledger) -> int | None:
    """Return the number of images if the ledger has all of them, else None."""
    known = 0

    def count(images: int) -> None:
        nonlocal known
        known += images

    return known if next(arrivals.unknown(path, ledger.has, count), None) is None else None


def score_request(run: Run, request: ScoreRequest) -> Scored:
    """Score the images of a request. Runs in the Keras process."""
    from sightline.prediction.scoring import keras_side  # imports Keras

    return keras_side.score(run, request)
