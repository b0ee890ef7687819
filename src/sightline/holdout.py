"""The test images and labels that models are scored on, by digest."""

from sightline import provenance
from sightline.records import DatasetFiles


def holdout_sha256(files: DatasetFiles) -> str:
    """Digest what a model of this data set is scored on: test images, labels, class names.

    Two models that were scored on equal digests can be compared image by image.

    Args:
        files: Output of ingest.

    Returns:
        64 hexadecimal digits.
    """
    return provenance.digest_of(
        files.images["test"].sha256, files.labels.sha256, *files.class_names
    )
