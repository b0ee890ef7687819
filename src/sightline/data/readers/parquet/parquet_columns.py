"""Choose the columns of images and labels of Parquet files."""

import json
from pathlib import Path

import pyarrow as pa

from sightline.config import DataConfig
from sightline.data.labelling.label_columns import DEFAULT, find_label_column
from sightline.data.readers.parquet import parquet_images
from sightline.storage.text import quoted

_DEFAULT_IMAGE = DataConfig.model_fields["image_column"].default


def choose_columns(path: Path, settings: DataConfig) -> tuple[DataConfig, tuple[str, ...]]:
    """Return settings that name the columns of a file, and notes on those that were chosen.

    If the columns have the names of the config, these are kept. By default, the images are in the
    only column of encoded images; labels are in a column called alike (`find_label_column`), or in
    the only one that is a `ClassLabel` by the schema's metadata. In doubt, nothing is chosen.
    """
    with parquet_images.open_parquet(path) as file:
        schema = file.schema_arrow
    image = find_image_column(schema, settings.image_column) or settings.image_column
    label = find_label_column(schema.names, settings.label_column)
    stated = _class_labels(schema)
    if not label and settings.label_column == DEFAULT and len(stated) == 1:
        label = stated[0]
    label = label or settings.label_column
    chosen = {"image_column": image, "label_column": label}
    notes = tuple(
        f"Taken as the {key.removesuffix('_column')}: column {quoted(column)} of {path.name}."
        for key, column in chosen.items()
        if column != getattr(settings, key)
    )
    return settings.model_copy(update=chosen), notes


def find_image_column(schema: pa.Schema, wanted: str) -> str | None:
    """Return the wanted column or, if that has its default, the only one of encoded images."""
    found = [field.name for field in schema if parquet_images.is_image_type(field.type)]
    if wanted in schema.names:
        return wanted
    return found[0] if wanted == _DEFAULT_IMAGE and len(found) == 1 else None


def _class_labels(schema: pa.Schema) -> list[str]:
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        kinds = {name: one.get("_type") for name, one in features.items()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return []
    return [name for name in schema.names if kinds.get(name) == "ClassLabel"]
