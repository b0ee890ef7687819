"""Leave out splits without labels, such as the test split of a competition."""

from collections.abc import Mapping

from sightline.data.labelling.labels import FoundLabels

_NONE = {-1, "-1"}  # What TensorFlow Datasets and Hugging Face write for no label


def describe(split: str, count: int) -> str:
    """Return a note on a split that is left out."""
    return f"Left out, as unlabelled: {count:,} image(s) of the {split} split."


def leave_out(
    found: Mapping[str, FoundLabels],
) -> tuple[dict[str, FoundLabels], tuple[str, ...]]:
    """Return the splits, training first, without those in which no image has a label, and notes.

    A label of -1 is none, unless it occurs in the training split.
    """
    (_, train), *_ = found.items()
    none = _NONE - {*train.values}
    empty = [name for name, one in found.items() if one is not train and none >= {*one.values}]
    notes = tuple(describe(name, len(found[name].codes)) for name in empty)
    return {name: one for name, one in found.items() if name not in empty}, notes
