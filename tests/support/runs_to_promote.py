"""Published runs with models, exports and decisions of the gate, built without training."""

import hashlib
from pathlib import Path
from typing import Any

import made_runs
import paired_answers
from made_runs import ANY_FILE, write_file
from sightline import registry
from sightline.experiments import run_folder
from sightline.records import (
    ArrayFile,
    Calibration,
    Certificate,
    ClassMetrics,
    Criterion,
    DatasetFiles,
    Decision,
    FileRecord,
    Inspection,
    ModelMetadata,
    SplitProfile,
)
from sightline.records.manifest import RunManifest
from sightline.registry import Version
from sightline.storage.workspace import Workspace

PIXELS = {"pixel_min": 0, "pixel_max": 255, "pixel_mean": 100.0, "pixel_std": 50.0}
PROFILE = SplitProfile(images=8, per_class=(4, 4), pixels=(1.0,), brightness=(1.0,), **PIXELS)
CLASS_NAMES = ("<b>nought</b>", "one")
METADATA = ModelMetadata(class_names=CLASS_NAMES, image_shape=(8, 8, 1)).model_dump_json()
EXPORTS = {
    "keras": ("model.keras",),
    "saved_model": (
        "saved_model/saved_model.pb",
        "saved_model/variables/variables.index",
        "saved_model/assets.extra/sightline.json",
    ),
    "onnx": ("model.onnx",),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def certificate(root: Path, run_id: str, *, failing: str | None = None) -> Certificate:
    """Export a run's model; a failing format does not agree."""
    folder = f"cache/export/{digest(run_id)[:40]}"

    def exported(name: str) -> FileRecord:
        content = METADATA if name.endswith(".json") else f"{name} of {run_id}"
        return write_file(root, f"{folder}/exports/{name}", content.encode())

    exports = tuple(
        paired_answers.export_check(kind, 0.5 if kind == failing else 1e-7, *map(exported, names))
        for kind, names in EXPORTS.items()
    )
    known = {
        "model_sha256": exports[0].files[0].sha256,
        "weights_sha256": digest(f"weights of {run_id}"),
        "exports": exports,
        "certificate": write_file(root, f"{folder}/certificate.json", b"{}"),
    }
    return paired_answers.certificate().model_copy(update=known)


def images(dataset: str, split: str) -> ArrayFile:
    path, sha256 = f"cache/ingest/{split}.npy", digest(f"{dataset} {split}")
    return ArrayFile(path=path, sha256=sha256, bytes=1, shape=(8, 8, 8, 1), dtype="uint8")


def publish(
    root: Path,
    run_id: str,
    dataset: str = "mnist",
    *,
    accuracy: float = 0.99,
    exports: bool = True,
    failing: str | None = None,
) -> RunManifest:
    files = DatasetFiles(
        dataset=dataset,
        source=dataset,
        class_names=CLASS_NAMES,
        image_shape=(8, 8, 1),
        images={split: images(dataset, split) for split in ("train", "test")},
        labels=ANY_FILE,
        counts={"train": (4, 4), "test": (4, 4)},
        inspection=Inspection(profiles={"train": PROFILE}, affected={}, findings=ANY_FILE),
    )
    perfect = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 4}
    records = made_runs.stages(
        files,
        parameters=123,
        train=made_runs.trained(weights_sha256=digest(f"weights of {run_id}")),
        evaluate=made_runs.evaluated(
            accuracy=accuracy,
            accuracy_interval=(accuracy - 0.01, accuracy),
            loss=0.03,
            classes=tuple(ClassMetrics(class_name=name, **perfect) for name in files.class_names),
            confusion=((4, 0), (0, 4)),
            calibration=Calibration(bins=(), error=0.004),
        ),
        export=certificate(root, run_id, failing=failing) if exports else None,
    )
    folder = run_folder.folder(Workspace(root), run_id)
    model = write_file(folder, "model.keras", f"model.keras of {run_id}".encode())
    manifest = made_runs.manifest(
        run_id,
        records,
        **{f"{name}_sha256": digest(name) for name in ("code", "lock", "source")},
        total_seconds=60.0,
        files={"model.keras": model},
    )
    made_runs.write(root, manifest)
    return manifest


def decide(run_id: str, champion: str | None = None, *, promote: bool = True) -> Decision:
    sentence = "It is better." if promote else "It is not better: <b>p = 0.4</b>."
    return Decision(
        promote=promote,
        candidate=run_id,
        champion=champion,
        holdout_sha256=digest("holdout"),
        images=8,
        accuracy=0.99,
        champion_accuracy=None if champion is None else 0.98,
        p_value=None if champion is None else 0.03,
        criteria=(Criterion.checked("mcnemar", sentence, passed=promote),),
        sentence=sentence,
    )


def register(root: Path, run_id: str, dataset: str = "mnist", **options: Any) -> Version:
    """Publish a run and register its model."""
    return registry.register(Workspace(root), publish(root, run_id, dataset, **options))


def promote(root: Path, run_id: str, dataset: str = "mnist", reason: str = "better") -> Version:
    """Publish a run, register its model and make it the champion."""
    version = register(root, run_id, dataset)
    champion = registry.aliases(Workspace(root), dataset).champion
    registry.promote(Workspace(root), version, reason, decide(run_id, champion), champion)
    return version
