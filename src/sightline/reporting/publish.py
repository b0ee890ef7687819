"""Publishes a run: copies of the results, the report and the manifest, all or nothing."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from sightline.config import RunConfig
from sightline.errors import StageError
from sightline.experiments import flips, new_run, run_folder, seed_noise
from sightline.pipeline import provenance
from sightline.records import (
    FileRecord,
    Run,
    RunComparison,
    RunSummary,
    Source,
    StageRecords,
    StageTime,
)
from sightline.records.manifest import RunManifest
from sightline.records.unlabelled import PREDICTIONS
from sightline.reporting import advice, depth, model_card, page, warnings
from sightline.storage import digests, files, json_digest, transfer
from sightline.storage.workspace import Workspace

_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY})
_TEXT_BYTES = 1 << 20  # Estimated size of the report's text, the model card and the manifest


def publish(
    run: Run,
    config: RunConfig,
    source: Source,
    records: StageRecords,
    stages: dict[str, StageTime],
    flow_run_id: str | None = None,
    champion: RunComparison | None = None,
) -> RunSummary:
    """Write the run folder: copies of the results, the report and the manifest.

    `champion` is the comparison with the champion's run, unless the gate made one.

    Raises:
        RunExistsError: The run id was taken in the meantime.
        StageError: A result changed while it was copied.
        StorageError: The workspace is full or cannot be written.
    """
    new_run.check_new(run.workspace, run.id)
    if source.kind not in {"named", "embedded"}:
        # The cached record names the path where the same data was first read.
        ingested = records.ingest.model_copy(update={"source": source.path})
        records = records.model_copy(update={"ingest": ingested})
    manifest = RunManifest(
        run_id=run.id,
        created=datetime.now(UTC),
        config=config,
        code_sha256=provenance.package_digest(),
        lock_sha256=provenance.lock_digest(),
        source_sha256=source.sha256,
        weights_sha256=records.train.weights_sha256,
        environment=provenance.environment(),
        stages=stages,
        records=records,
        files={},
        total_seconds=round((datetime.now(UTC) - run.started).total_seconds(), 3),
        compared=(last := flips.with_last_run(run, records.ingest, records.evaluate)),
        champion=None if last and champion and last.run_id == champion.run_id else champion,
        flow_run_id=flow_run_id,
        repeats=run.repeats,
    )
    band = seed_noise.band_of(run.workspace, manifest)
    manifest = manifest.model_copy(update={"seed_noise": band.accuracy if band else None})
    _write(run, manifest)
    return summarize(run.workspace, manifest)


def summarize(workspace: Workspace, manifest: RunManifest) -> RunSummary:
    """Summarize a run with its warnings and what to try next."""
    table = run_folder.folder(workspace, manifest.run_id) / PREDICTIONS
    update = {
        "unlabelled_predictions": str(table) if manifest.records.predict else None,
        "sampled": depth.left_out(manifest) or None,
        "warnings": tuple(warnings.list_warnings(manifest, str)),
        "advice": tuple(step.text for step in advice.list_steps(manifest, str)),
    }
    return run_folder.summary(workspace, manifest).model_copy(update=update)


def _write(run: Run, manifest: RunManifest) -> None:
    records = manifest.records
    with _new_folder(run, _bytes_needed(records)) as target:
        copied = {
            name: _copy(run.workspace, target / name, result) for name, result in _results(records)
        }
        manifest = manifest.model_copy(update={"files": copied})
        for name, text in (
            ("report.html", page.render_html(run.workspace, manifest)),
            ("report.md", page.render_markdown(manifest)),
            ("MODEL_CARD.md", model_card.render_model_card(manifest)),
        ):
            (target / name).write_text(text, encoding="utf-8")
            copied[name] = _describe(target / name)
        content = json_digest.dumps(manifest.model_dump(mode="json"))
        (target / run_folder.MANIFEST).write_bytes(content)
        _push(run, target, copied)


def _push(run: Run, folder: Path, copied: dict[str, FileRecord]) -> None:
    """Upload a complete run folder, its manifest last and only if there is none."""
    if (store := run.workspace.store) is None:
        return
    new_run.check_claim(run.workspace, run.id)
    stored = {run_folder.stored_key(run.id, name, copied[name]): folder / name for name in copied}
    transfer.push(store, stored)
    # A clean-up may have removed what was there while this machine was suspended
    there = {one.key for one in store.list(f"runs/{run.id}/")}
    transfer.push(store, {key: path for key, path in stored.items() if key not in there})
    manifest = (folder / run_folder.MANIFEST).read_bytes()
    new_run.check_claim(run.workspace, run.id)  # a clean-up claims what it removes
    if not store.create(f"runs/{run.id}/{run_folder.MANIFEST}", manifest):
        raise new_run.already_exists(run.workspace, run.id)


@contextmanager
def _new_folder(run: Run, needed: int) -> Iterator[Path]:
    """Yield a temporary folder that becomes the run's, unless the id was taken first."""
    final = run_folder.folder(run.workspace, run.id)
    try:
        with run.workspace.storage_errors():
            files.make_folder(final.parent)
            run.workspace.check_room(needed, "The copies of the results and the report")
            with files.new_folder(final, replace=run.workspace.store is not None) as folder:
                yield folder
    except OSError as error:
        if error.errno in _TAKEN:
            raise new_run.already_exists(run.workspace, run.id) from None
        raise


def _bytes_needed(records: StageRecords) -> int:
    """Estimate the size of a run folder; the page has its pictures as base64."""
    report = records.report
    pictures = [*report.page_figures.values(), *report.dark_figures.values(), *report.thumbnails]
    pictures += chain.from_iterable(one.thumbnails for one in report.confusions)
    examples = chain.from_iterable(report.class_examples.values())
    pictures += (one.thumbnail for one in examples)
    copies = sum(result.bytes for _, result in _results(records))
    return copies + 2 * sum(picture.bytes for picture in pictures) + _TEXT_BYTES


def _results(records: StageRecords) -> Iterator[tuple[str, FileRecord]]:
    for name, figure in records.report.figures.items():
        yield f"{name}.png", figure
    yield "model.keras", records.train.model
    yield "model_summary.txt", records.build.summary
    yield "history.parquet", records.train.history
    if records.train.steps is not None:
        yield "steps.parquet", records.train.steps
    yield "predictions.parquet", records.evaluate.predictions
    if records.predict is not None:
        yield PREDICTIONS, records.predict.table
    yield "metrics.json", records.evaluate.metrics
    if records.evaluate.label_errors is not None:
        yield "label_errors.parquet", records.evaluate.label_errors.table
    if records.evaluate.neighbors is not None:
        for name, table in records.evaluate.neighbors.tables.items():
            yield f"{name}.parquet", table
    if records.evaluate.profile is not None:
        yield "profile.parquet", records.evaluate.profile
    if records.export is not None:
        yield "certificate.json", records.export.certificate
    if records.ingest.inspection is not None:
        yield "findings.parquet", records.ingest.inspection.findings


def _copy(workspace: Workspace, target: Path, result: FileRecord) -> FileRecord:
    shutil.copyfile(workspace.root / result.path, target)
    copied = _describe(target)
    if copied.sha256 != result.sha256:
        raise StageError(
            f"{result.path} changed while the run was published (expected SHA-256 "
            f"{result.sha256}, got {copied.sha256}); run again."
        )
    return copied


def _describe(path: Path) -> FileRecord:
    return FileRecord(path=path.name, sha256=digests.sha256(path), bytes=path.stat().st_size)
