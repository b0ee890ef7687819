"""How two runs differ: what they were made from, what came out, and whether that is chance."""

import json
from collections.abc import Iterator
from typing import Any

from sightline.config.flatten import differing, flatten
from sightline.errors import InputError
from sightline.evaluation import predictions
from sightline.evaluation.predictions import Predictions
from sightline.pipeline.provenance import digest_of
from sightline.records.difference import (
    Ingredient,
    Reversals,
    RunDifference,
    SeedNoise,
    Setting,
    Side,
)
from sightline.records.manifest import RunManifest
from sightline.runs import measure_pairs, reversals, run_folder, seed_noise, verify
from sightline.runs.comparison import same_test_images
from sightline.storage.workspace import Workspace

_CHANCE = 0.05
"""A difference that equally good models show at least so often says nothing; as in the report."""

Pair = tuple[RunManifest, RunManifest]


def read(workspace: Workspace, a: str, b: str) -> Pair:
    """Read the manifests of two runs.

    Args:
        a: The one run's id, the first characters of it, or "latest".
        b: The other's.

    Raises:
        InputError: One is not there or cannot be read, or both are the same.
    """
    ids = run_folder.find(workspace, a), run_folder.find(workspace, b)
    if ids[0] == ids[1]:
        raise InputError(
            f"A and B are the same run, {ids[0]}; give two, see `sightline runs list`."
        )
    return read_one(workspace, ids[0]), read_one(workspace, ids[1])


def read_one(workspace: Workspace, run: str) -> RunManifest:
    """Read a run's manifest and make sure that it is this run's.

    Args:
        run: The run's id, the first characters of it, or "latest".

    Raises:
        InputError: It is not there, cannot be read, or is that of another run.
    """
    run_id = run_folder.find(workspace, run)
    manifest = run_folder.read(workspace, run_id)
    if manifest.run_id != run_id:  # it becomes part of paths
        raise InputError(
            f"{run_folder.folder(workspace, run_id) / run_folder.MANIFEST} is that of run "
            f"{manifest.run_id[:130]!r}; give a folder its run's name."
        )
    return manifest


def compare(workspace: Workspace, pair: Pair) -> RunDifference:
    """Find out how run B differs from run A.

    What cannot be compared, since it is damaged or of other data, is named in the remarks.

    Args:
        pair: The manifests of A and B.
    """
    before, now = pair
    remarks: list[str] = []
    predictions = _predictions(workspace, before, remarks), _predictions(workspace, now, remarks)
    comparable = same_test_images(before.records.ingest, now.records.ingest)
    if not comparable:
        remarks.append(_why_not_comparable(pair))
    names = before.records.ingest.class_names
    same_classes = names == now.records.ingest.class_names
    if not same_classes:
        remarks.append("The classes differ, so they are not set side by side.")
    evaluations = before.records.evaluate, now.records.evaluate
    difference = RunDifference(
        a=_side(before),
        b=_side(now),
        remarks=tuple(remarks),
        ingredients=tuple(_ingredients(pair)),
        config=_settings(*(run.config.model_dump(mode="json") for run in pair)),
        environment=_settings(*(surroundings(run) for run in pair)),
        measures=tuple(measure_pairs.measures(*evaluations, predictions)),
        classes=tuple(measure_pairs.classes(*evaluations)) if same_classes else (),
        reversals=reversals.find(*predictions, names) if comparable else None,
        noise=_noise(workspace, pair) if comparable else None,
    )
    return difference.model_copy(update={"sentence": _sentence(difference)})


def _side(run: RunManifest) -> Side:
    records = run.records
    return Side(
        run_id=run.run_id,
        created=run.created,
        dataset=records.ingest.dataset,
        recipe=run.config.recipe,
        test_images=measure_pairs.tested(records.evaluate),
        parameters=records.build.parameters,
        model_bytes=records.train.model.bytes,
        images_per_second=records.train.images_per_second,
        epochs=records.train.epochs,
        device=records.train.device,
        seed=run.config.training.seed,
        stages=run.stages,
        total_seconds=run.total_seconds,
    )


def _ingredients(pair: Pair) -> Iterator[Ingredient]:
    digests: dict[str, tuple[str | None, ...]] = {
        "data": tuple(run.source_sha256 for run in pair),
        "code": tuple(run.code_sha256 for run in pair),
        "lock file": tuple(run.lock_sha256 for run in pair),
        "environment": tuple(_environment_digest(run) for run in pair),
        "weights": tuple(run.weights_sha256 for run in pair),
    }
    for name, (a, b) in digests.items():
        yield Ingredient(name=name, a=a, b=b, equal=a == b)


def _environment_digest(run: RunManifest) -> str:
    return digest_of(json.dumps(surroundings(run), sort_keys=True))


def surroundings(run: RunManifest) -> dict[str, Any]:
    """Return what is recorded of the machine, the versions and the device of a run."""
    trained = run.records.train
    return {
        "pipeline": run.environment,
        "training": {"device": trained.device, **trained.environment},
    }


def _settings(before: dict[str, Any], now: dict[str, Any]) -> tuple[Setting, ...]:
    flat = dict(flatten(before)), dict(flatten(now))
    return tuple(Setting(key=key, a=a, b=b) for key, a, b in differing(*flat))


def _predictions(workspace: Workspace, run: RunManifest, remarks: list[str]) -> Predictions | None:
    """Read a run's predictions; where they cannot be read, that is a remark."""
    try:
        path = verify.whole(workspace, run, "predictions.parquet")
        return predictions.read(path, len(run.records.ingest.class_names))
    except InputError as error:
        remarks.append(f"The predictions of run {run.run_id} are left out: {error}")
        return None


def _why_not_comparable(pair: Pair) -> str:
    names = {run.records.ingest.dataset for run in pair}
    what = f"of the data sets {' and '.join(sorted(names))}" if len(names) > 1 else "each on others"
    return (
        f"The runs were tested on different images ({what}): which images were fixed or broken, "
        "and whether the difference is chance, cannot be told."
    )


def _noise(workspace: Workspace, pair: Pair) -> SeedNoise | None:
    """Hold the difference against the wider of the bands that were measured for A or B."""
    bands = [(band, run) for run in pair if (band := seed_noise.find(workspace, run)) is not None]
    if not bands:
        return None
    band, run = max(bands, key=lambda found: found[0].accuracy.difference)
    a, b = (run.records.evaluate.accuracy for run in pair)
    return SeedNoise(
        run_id=run.run_id,
        seeds=len(band.seeds),
        difference=band.accuracy.difference,
        within=abs(a - b) <= band.accuracy.difference,
    )


def _sentence(difference: RunDifference) -> str:
    """Say which run is better, and how sure that is."""
    if next(row for row in difference.ingredients if row.name == "weights").equal:
        return "A and B have the same weights."
    accuracy = difference.measures[0]
    figures = f"test accuracy {accuracy.a:.2%} in A, {accuracy.b:.2%} in B"
    found = difference.reversals
    if found is None:
        return f"Whether A or B is better cannot be told: {figures}."
    return (
        f"{_judged(found)}: {figures}; {found.fixed:,} images newly right, {found.broken:,} newly "
        f"wrong (McNemar's exact test, p = {found.p_value:.2g}).{_of_noise(difference.noise)}"
    )


def _judged(found: Reversals) -> str:
    if found.p_value >= _CHANCE:
        return "B is neither better nor worse than A, as far as these images tell"
    return f"B is {'better' if found.fixed > found.broken else 'worse'} than A"


def _of_noise(found: SeedNoise | None) -> str:
    if found is None:
        return ""
    return (
        f" The difference is {'within' if found.within else 'beyond'} the seed noise: trainings "
        f"that differ in their seed alone lie up to {100 * found.difference:.2f} points apart by "
        f"chance ({found.seeds} seeds)."
    )
