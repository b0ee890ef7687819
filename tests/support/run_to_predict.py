"""A run with a small untrained model, made without training, and images for it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import made_runs
from hostile_models import honest_model
from sightline.data.validation.profile import Profiler
from sightline.experiments import run_folder
from sightline.records import (
    ArrayFile,
    ClassMetrics,
    DatasetFiles,
    FileRecord,
    Inspection,
    SplitProfile,
)
from sightline.storage.workspace import Workspace

RUN_ID = "20261124T010203Z-dots-tutorial-abcdef"
CLASS_NAMES = ("[bold]cat[/bold]", "dog\u202egod")
SHAPE = (8, 8, 1)


def dots(count: int, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> NDArray[np.uint8]:
    """Make dark images with a few light pixels."""
    generator = np.random.default_rng(seed)
    light = generator.random((count, *shape)) < 0.2
    return np.where(light, generator.integers(180, 256, light.shape), 0).astype(np.uint8)


def profile(images: NDArray[np.uint8]) -> SplitProfile:
    profiler = Profiler()
    profiler.add(images)
    return profiler.profile((len(images), 0))


def write_pictures(folder: Path, images: NDArray[np.uint8], suffix: str = "png") -> list[Path]:
    """Write images as files that sort by their number."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.{suffix}" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)
    return paths


def publish(root: Path, run_id: str = RUN_ID) -> Path:
    """Write a run folder with manifest and model; training images are dots."""
    path = run_folder.folder(Workspace(root), run_id) / "model.keras"
    path.parent.mkdir(parents=True)
    honest_model(path)
    model = made_runs.file_record(path)
    perfect = {"precision": 1, "recall": 1, "f1": 1, "support": 1}
    classes = tuple(ClassMetrics(class_name=name, **perfect) for name in CLASS_NAMES)
    evaluated = made_runs.evaluated(classes=classes, confusion=((1, 0), (0, 1)))
    trained = made_runs.trained(model=model)
    records = made_runs.stages(_dots(model), train=trained, evaluate=evaluated)
    return made_runs.write(root, made_runs.manifest(run_id, records, files={"model.keras": model}))


def _dots(file: FileRecord) -> DatasetFiles:
    test = ArrayFile(**file.model_dump(), shape=(10, *SHAPE), dtype="uint8")
    return DatasetFiles(
        dataset="dots",
        source="dots",
        class_names=CLASS_NAMES,
        image_shape=SHAPE,
        white=255,
        images={"test": test},
        labels=file,
        counts={"test": (5, 5)},
        inspection=Inspection(profiles={"train": profile(dots(500))}, affected={}, findings=file),
    )
