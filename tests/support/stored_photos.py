"""Photographs as preprocess stores them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from made_runs import file_record
from sightline.records import ArrayFile, ArraySet, ArraySplit, Run


def store(run: Run, folder: str, **splits: NDArray[np.uint8]) -> ArraySet:
    """Store splits of photographs in two classes, the first half and the rest."""
    found = {}
    for name, images in splits.items():
        labels = (np.arange(len(images)) * 2 // len(images)).astype(np.int16)
        files = {
            "images": _file(run, folder, f"images_{name}.npy", images),
            "labels": _file(run, folder, f"labels_{name}.npy", labels),
        }
        found[name] = ArraySplit(**files, num_classes=2)
    shape = next(iter(splits.values())).shape[1:]
    return ArraySet(class_names=("a", "b"), image_shape=shape, splits=found)


def _file(run: Run, folder: str, name: str, array: NDArray[Any]) -> ArrayFile:
    path = run.workspace.root / folder / name
    path.parent.mkdir(exist_ok=True)
    np.save(path, array)
    record = file_record(path, f"{folder}/")
    return ArrayFile(**dict(record), shape=array.shape, dtype=str(array.dtype))
