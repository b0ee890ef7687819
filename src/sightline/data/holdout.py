"""The test images and labels that models are scored on: their digest, and if they are whole."""

from sightline.errors import DataError
from sightline.pipeline import provenance
from sightline.records import DatasetFiles
from sightline.storage import digests
from sightline.storage.workspace import Workspace


def holdout_sha256(files: DatasetFiles) -> str:
    """Digest what a model of this data set is scored on: test images, labels, class names.

    Two models that were scored on equal digests can be compared image by image, whatever they
    were trained on.

    Args:
        files: Output of ingest.

    Returns:
        64 hexadecimal digits.
    """
    labels = files.label_digests.get("test", files.labels.sha256)
    return provenance.digest_of(files.images["test"].sha256, labels, *files.class_names)


def check(workspace: Workspace, files: DatasetFiles) -> None:
    """Make sure that test images and labels are what was ingested.

    Args:
        files: Output of ingest.

    Raises:
        DataError: One of their files is missing or damaged.
    """
    for record in (files.images["test"], files.labels):
        path = workspace.root / record.path
        found = digests.difference(path, record.sha256)
        if found is not None:
            raise DataError(
                f"{path}, which models are tested on, is damaged: expected SHA-256 "
                f"{record.sha256}, found {found}; train on {files.dataset} again to rebuild it."
            )
