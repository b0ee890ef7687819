"""What must hold before two models can be compared; a sentence says how to go on if it does not."""

from sightline.records import Criterion, DatasetFiles
from sightline.registry import Version


def same_task(files: DatasetFiles, champion: Version) -> Criterion:
    """Ask that both take the same images and sort them into the same classes."""
    asked = (files.image_shape, files.class_names)
    passed = asked == (champion.image_shape, champion.class_names)
    if passed:
        sentence = f"Both models take the same images and know the same {len(asked[1])} classes."
    else:
        sentence = (
            f"{champion.name} sorts {_described(champion.image_shape, champion.class_names)}, this "
            f"model {_described(*asked)}{_same_numbers(asked, champion)}: no image can be given to "
            "both. Train under another name of the data set, which has models of its own."
        )
    return Criterion(name="task", passed=passed, sentence=sentence)


def same_holdout(
    candidate: str, holdout_sha256: str, champion: Version, *, rebaseline: bool
) -> Criterion:
    """Ask that the champion was promoted on these test images, or that somebody accepts others.

    Args:
        candidate: The new model's run.
        holdout_sha256: Digest of the test images that it was measured on.
        champion: The version in use.
        rebaseline: Whether both are to be measured on the candidate's test images.
    """
    same = holdout_sha256 == champion.holdout_sha256
    if same:
        sentence = "The test images and labels are those that the champion was promoted on."
    elif rebaseline:
        sentence = (
            f"The test images or labels are not those that {champion.name} was promoted on; as "
            "demanded, both models were measured on the new ones."
        )
    else:
        sentence = (
            f"The test images or labels changed since {champion.name} was promoted, so its figures "
            "say nothing here. If that is meant, measure both on the new ones: `sightline models "
            f"promote {candidate} --rebaseline --reason ...`."
        )
    return Criterion(name="holdout", passed=same or rebaseline, sentence=sentence)


def another_model(weights_sha256: str, champion: Version, *, measured_anew: bool) -> Criterion:
    """Ask that there is something to promote.

    Args:
        weights_sha256: Digest of the candidate's weights.
        champion: The version in use.
        measured_anew: Whether the test images changed and that is accepted: then the same model
            may be promoted once more, for its new figures.
    """
    same = weights_sha256 == champion.weights_sha256
    if not same:
        sentence = "Its weights are not the champion's."
    elif measured_anew:
        sentence = f"Its weights are those of {champion.name}: only what it is measured on changes."
    else:
        sentence = f"Its weights are those of {champion.name}: there is nothing to promote."
    return Criterion(name="same_model", passed=not same or measured_anew, sentence=sentence)


def _described(image_shape: tuple[int, int, int], class_names: tuple[str, ...]) -> str:
    height, width, channels = image_shape
    return f"images of {height}x{width}x{channels} into {len(class_names)} classes"


def _same_numbers(asked: tuple[tuple[int, int, int], tuple[str, ...]], champion: Version) -> str:
    """Say what differs where the numbers do not tell."""
    is_same = asked[0] == champion.image_shape and len(asked[1]) == len(champion.class_names)
    return " of other names or in another order" if is_same else ""
