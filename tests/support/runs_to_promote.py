"""Published runs with models, exports and decisions of the gate, built without training."""

import hashlib
from pathlib import Path
from typing import Any

import made_runs
from paired_answers import export_check
from sightline import registry
from sightline.records import (
    ArrayFile,
    Calibration,
    Certificate,
    Criterion,
    DatasetFiles,
    Decision,
    FileRecord,
    Inspection,
    SplitProfile,
)
from sightline.records.manifest import RunManifest
from sightline.registry import Version
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

PROFILE = SplitProfile(
    images=8,
    per_class=(4, 4),
    pixel_min=0,
    pixel_max=255,
    pixel_mean=100.0,
    pixel_std=50.0,
    pixels=(1.0,),
    brightness=(1.0,),
)
EXPORTS = {
    "keras": ("model.keras",),
    "saved_model": ("saved_model/saved_model.pb", "saved_model/variables/variables.index"),
    "onnx": ("model.onnx",),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file(root: Path, path: str, content: bytes) -> FileRecord:
    """Write a file and return its record."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return FileRecord(path=path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def certificate(root: Path, run_id: str, *, failing: str | None = None) -> Certificate:
    """Export a run's model; a failing format does not agree."""
    folder = f"cache/export/{digest(run_id)[:40]}"

    exports = tuple(
        export_check(
            name,
            0.5 if name == failing else 1e-7,
            *(
                file(root, f"{folder}/exports/{one}", f"{one} of {run_id}".encode())
                for one in names
            ),
        )
        for name, names in EXPORTS.items()
    )
    return Certificate(
        model_sha256=exports[0].files[0].sha256,
        weights_sha256=digest(f"weights of {run_id}"),
        golden_images=8,
        golden_sha256=digest("golden"),
        tolerance=1e-5,
        exports=exports,
        certificate=file(root, f"{folder}/certificate.json", b"{}"),
    )


def publish(
    root: Path,
    run_id: str,
    dataset: str = "mnist",
    *,
    accuracy: float = 0.99,
    exports: bool = True,
    failing: str | None = None,
) -> RunManifest:
    """Publish a run."""
    files = DatasetFiles(
        dataset=dataset,
        source=dataset,
        class_names=("<b>nought</b>", "one"),
        image_shape=(8, 8, 1),
        images={
            split: ArrayFile(
                path=f"cache/ingest/{split}.npy",
                sha256=digest(f"{dataset} {split}"),
                bytes=1,
                shape=(8, 8, 8, 1),
                dtype="uint8",
            )
            for split in ("train", "test")
        },
        labels=made_runs.ANY_FILE,
        counts={"train": (4, 4), "test": (4, 4)},
        inspection=Inspection(
            profiles={"train": PROFILE}, affected={}, findings=made_runs.ANY_FILE
        ),
    )
    records = made_runs.stages(
        files,
        parameters=123,
        train=made_runs.trained(weights_sha256=digest(f"weights of {run_id}")),
        evaluate=made_runs.evaluated(
            accuracy=accuracy,
            accuracy_interval=(accuracy - 0.01, accuracy),
            loss=0.03,
            calibration=Calibration(bins=(), error=0.004),
        ),
        export=certificate(root, run_id, failing=failing) if exports else None,
    )
    folder = run_folder.folder(Workspace(root), run_id)
    manifest = made_runs.manifest(
        run_id,
        records,
        code_sha256=digest("code"),
        lock_sha256=digest("lock"),
        source_sha256=digest("source"),
        total_seconds=60.0,
        files={"model.keras": file(folder, "model.keras", f"model.keras of {run_id}".encode())},
    )
    made_runs.write(root, manifest)
    return manifest


def decide(run_id: str, champion: str | None = None, *, promote: bool = True) -> Decision:
    """Build a decision of the gate."""
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
        criteria=(Criterion(name="mcnemar", passed=promote, sentence=sentence),),
        sentence=sentence,
    )


def register(root: Path, run_id: str, dataset: str = "mnist", **options: Any) -> Version:
    """Publish a run and register its model."""
    return registry.register(Workspace(root), publish(root, run_id, dataset, **options))


def promote(
    root: Path, run_id: str, dataset: str = "mnist", reason: str = "it is better"
) -> Version:
    """Publish a run, register its model and make it the champion."""
    version = register(root, run_id, dataset)
    champion = registry.aliases(Workspace(root), dataset).champion
    registry.promote(Workspace(root), version, reason, decide(run_id, champion), champion)
    return version
