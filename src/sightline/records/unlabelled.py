"""The record of the predictions for images without labels."""

from sightline.records.base import FileRecord, Record

PREDICTIONS = "unlabelled_predictions.csv"
"""Name of their table in the folder of a run."""


class UnlabelledPredictions(Record):
    """Output of predict: what the trained model predicts for the splits without labels."""

    table: FileRecord  # CSV file with a row for each image; see `prediction.table.COLUMNS`
    images: int
    failed: int  # Number of images that could not be read
    classes: dict[str, int]  # Class name to the number of images that are predicted as this class
    warnings: tuple[str, ...]  # Sentences on how the images differ from the training images
