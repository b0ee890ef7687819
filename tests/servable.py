"""A run with a small untrained model, made without training, and images for it."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from hostile_models import honest_model
from numpy.typing import NDArray
from PIL import Image

from sightline import files, recipes, runs, sealed
from sightline.manifest import RunManifest
from sightline.profiling import Profiler
from sightline.records import (
    ArrayFile,
    ArraySet,
    ClassMetrics,
    DatasetFiles,
    Evaluation,
    FileRecord,
    Inspection,
    ModelBlueprint,
    Report,
    SplitProfile,
    StageRecords,
    TrainedModel,
)

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
    folder = runs.folder(root, run_id)
    folder.mkdir(parents=True)
    model = honest_model(folder / "model.keras")
    record = FileRecord(path="model.keras", sha256=files.sha256(model), bytes=model.stat().st_size)
    manifest = RunManifest(
        run_id=run_id,
        created=datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC),
        config=recipes.load("tutorial"),
        code_sha256="b" * 64,
        lock_sha256=None,
        source_sha256="c" * 64,
        weights_sha256="a" * 64,
        environment={},
        stages={},
        total_seconds=1,
        records=_records(record),
        files={"model.keras": record},
    )
    (folder / runs.MANIFEST).write_bytes(sealed.seal(manifest.model_dump(mode="json")))
    return folder


def _records(file: FileRecord) -> StageRecords:
    test = ArrayFile(**file.model_dump(), shape=(10, *SHAPE), dtype="uint8")
    inspection = Inspection(profiles={"train": profile(dots(500))}, affected={}, findings=file)
    return StageRecords(
        ingest=DatasetFiles(
            dataset="dots",
            source="dots",
            class_names=CLASS_NAMES,
            image_shape=SHAPE,
            images={"test": test},
            labels=file,
            counts={},
            inspection=inspection,
        ),
        preprocess=ArraySet(class_names=CLASS_NAMES, image_shape=SHAPE, splits={}),
        build=ModelBlueprint(
            architecture=file,
            summary=file,
            picture=file,
            layers=(),
            parameters=1,
            image_shape=SHAPE,
            num_classes=2,
        ),
        train=TrainedModel(
            model=file,
            weights_sha256="a" * 64,
            history=file,
            epochs=1,
            device="cpu",
            images_per_second=1,
            peak_memory_bytes=1,
            environment={},
        ),
        evaluate=Evaluation(
            metrics=file,
            predictions=file,
            accuracy=0.5,
            accuracy_interval=(0.4, 0.6),
            loss=1,
            classes=tuple(
                ClassMetrics(class_name=name, precision=1, recall=1, f1=1, support=1)
                for name in CLASS_NAMES
            ),
            confusion=((1, 0), (0, 1)),
            serving_difference=0,
        ),
        report=Report(figures={}, thumbnails=(), mistakes=(), mistakes_total=0),
    )
