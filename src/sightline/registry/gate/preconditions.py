"""What must hold before two models can be compared."""

from sightline.records import Criterion, DatasetFiles
from sightline.registry import Version


def same_task(files: DatasetFiles, champion: Version) -> Criterion:
    """Require that both models take the same images and know the same classes."""
    own = (files.image_shape, files.class_names)
    theirs = (champion.image_shape, champion.class_names)
    if own == theirs:
        sentence = f"Both models take the same images and know the same {len(own[1])} classes."
    else:
        named = "" if _sizes(*own) != _sizes(*theirs) else " with other names or in another order"
        sentence = (
            f"{champion.name} classifies {_sizes(*theirs)}, this model {_sizes(*own)}{named}, so "
            "they cannot be compared. Train under another data set name, which has its own models."
        )
    return Criterion(name="task", passed=own == theirs, sentence=sentence)


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
    return Criterion(name="holdout", passed=same or rebaseline, sentence=sentence)


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
    return Criterion(name="same_model", passed=not same or rebaselined, sentence=sentence)


def _sizes(image_shape: tuple[int, int, int], class_names: tuple[str, ...]) -> str:
    height, width, channels = image_shape
    return f"images of {height}x{width}x{channels} into {len(class_names)} classes"
