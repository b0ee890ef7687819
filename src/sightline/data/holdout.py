"""Identify and verify the test images and labels that models are scored on."""

from sightline.errors import DataError
from sightline.pipeline import provenance
from sightline.records import DatasetFiles, EncodedFile
from sightline.storage import digests
from sightline.storage.workspace import Workspace


def holdout_sha256(files: DatasetFiles) -> str:
    """Digest test images, test labels and class names.

    Two models scored on equal digests can be compared image by image, whatever they were
    trained on. An image is identified by its content in the source, so size, channels and
    resizing do not matter.
    """
    return _digest(files, "test")


def same_examples(a: DatasetFiles, b: DatasetFiles) -> bool:
    """Return whether all splits hold the same images and labels, in whatever size."""
    return a.images.keys() == b.images.keys() and all(
        _digest(a, split) == _digest(b, split) for split in a.images
    )


def _digest(files: DatasetFiles, split: str) -> str:
    # Version 0.2.0 recorded the pixels only, after resizing
    content = files.content_digests.get(split, files.images[split].sha256)
    labels = files.label_digests.get(split, files.labels.sha256)
    return provenance.digest_of(content, labels, *files.class_names)


def verify_holdout(workspace: Workspace, files: DatasetFiles) -> None:
    """Raise DataError if the test images or labels are missing or have changed since ingest."""
    images = files.images["test"]
    parts = (images, images.offsets) if isinstance(images, EncodedFile) else (images,)
    for record in (*parts, files.labels):
        path = workspace.root / record.path
        found = digests.difference(path, record.sha256)
        if found is not None:
            raise DataError(
                f"{path}, which models are tested on, is damaged: expected SHA-256 "
                f"{record.sha256}, found {found}; train on {files.dataset} again to rebuild it."
            )
