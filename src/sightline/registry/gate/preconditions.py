"""What must hold before two models can be compared."""

from sightline.data.labelling.class_names import normalize
from sightline.errors import DataError
from sightline.records import Criterion, DatasetFiles
from sightline.registry import Version


def same_task(files: DatasetFiles, champion: Version) -> Criterion:
    """Require that both models know the same classes in the same order, whatever their images.

    Names are normalized, since older champions may have them as their data set wrote them.
    """
    own, theirs = (tuple(map(normalize, one.class_names)) for one in (files, champion))
    if own == theirs:
        sentence = f"Both models know the same {len(own)} classes."
    else:
        difference = "in another order" if sorted(own) == sorted(theirs) else "with other names"
        named = "" if len(own) != len(theirs) else f" {difference}"
        sentence = (
            f"{champion.name} knows {len(theirs)} classes, this model {len(own)}{named}, so they "
            "cannot be compared. Train under another data set name, which has its own models."
        )
    return Criterion.checked("task", sentence, passed=own == theirs)


def same_holdout(
    candidate: str, holdout_sha256: str, champion: Version, *, rebaseline: bool
) -> Criterion:
    """Require that the champion was promoted on these test images, unless others are accepted."""
    same = holdout_sha256 == champion.holdout_sha256
    if same:
        sentence = "The test images and labels are those that the champion was promoted on."
    elif rebaseline:
        sentence = (
            f"The test images or labels changed since {champion.name} was promoted; as requested, "
            "both models were measured on the new ones."
        )
    else:
        sentence = (
            f"The test images or labels changed since {champion.name} was promoted, so its figures "
            "cannot be compared. To measure both models on the new ones: `sightline models "
            f"promote {candidate} --rebaseline --reason ...`."
        )
    return Criterion.checked("holdout", sentence, passed=same or rebaseline)


def new_weights(weights_sha256: str, champion: Version, *, rebaselined: bool) -> Criterion:
    """Require other weights than the champion's, unless the test images changed as accepted.

    Then the same model may be promoted again with its new figures.
    """
    same = weights_sha256 == champion.weights_sha256
    if not same:
        sentence = "Its weights differ from the champion's."
    elif rebaselined:
        sentence = f"Its weights are those of {champion.name}; only the test images change."
    else:
        sentence = f"Its weights are those of {champion.name}: there is nothing to promote."
    return Criterion.checked("same_model", sentence, passed=not same or rebaselined)


def unreadable_source(candidate: str, champion: Version, error: DataError) -> Criterion:
    """Return the criterion that failed because the champion's images could not be read."""
    height, width, channels = champion.image_shape
    sentence = (
        f"{champion.name} takes images of {height}x{width}x{channels}, so the test images have to "
        f"be read from the data set again: {error} Once they can be, `sightline models promote "
        f"{candidate} --reason ...` compares both."
    )
    return Criterion.checked("source", sentence, passed=False)
