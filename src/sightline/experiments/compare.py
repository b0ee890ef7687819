"""Two runs side by side: their provenance, their measures, and whether the difference is chance."""

import json
from collections.abc import Iterator

from sightline.errors import InputError
from sightline.evaluation import predictions
from sightline.evaluation.overall import Figure, overall
from sightline.evaluation.predictions import Predictions
from sightline.experiments import flips, provenance_diff, run_folder, seed_noise, verify
from sightline.pipeline.provenance import digest_of
from sightline.records import Evaluation
from sightline.records.difference import (
    ClassPair,
    Measure,
    ProvenanceRow,
    RunDifference,
    SeedNoise,
    Side,
)
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

_ALPHA = 0.05  # Significance level of McNemar's test, as in the report
Pair = tuple[RunManifest, RunManifest]


def read_pair(workspace: Workspace, a: str, b: str) -> Pair:
    """Read the manifests of two runs, which are named as for `run_folder.resolve`.

    Raises InputError if a run does not exist or cannot be read, or both are the same.
    """
    ids = run_folder.resolve(workspace, a), run_folder.resolve(workspace, b)
    if ids[0] == ids[1]:
        raise InputError(
            f"A and B are the same run, {ids[0]}; give two, see `sightline runs list`."
        )
    return run_folder.read(workspace, ids[0]), run_folder.read(workspace, ids[1])


def compare(workspace: Workspace, pair: Pair) -> RunDifference:
    """Find out how the second run, B, differs from A.

    The remarks name what cannot be compared because it is damaged or of other data.
    """
    remarks: list[str] = []
    found = [_predictions(workspace, run, remarks) for run in pair]
    ingested = [run.records.ingest for run in pair]
    evaluated = [run.records.evaluate for run in pair]
    comparable = flips.same_test_images(*ingested)
    if not comparable:
        data = " and ".join(dict.fromkeys(files.dataset for files in ingested))
        remarks.append(
            f"The runs were tested on different images of {data}, so images are not compared, and "
            "whether the difference is chance is unknown."
        )
    names = ingested[0].class_names
    same_classes = names == ingested[1].class_names
    if not same_classes:
        remarks.append("The runs have different classes, so classes are not compared.")
    named_by = run_folder.folder(workspace, pair[1].run_id) / predictions.PREDICTIONS
    both = (evaluated[0].classes, evaluated[1].classes) if same_classes else ((), ())
    difference = RunDifference(
        a=_side(pair[0]),
        b=_side(pair[1]),
        remarks=tuple(remarks),
        provenance=_provenance(pair),
        config=provenance_diff.settings(*(run.config.model_dump(mode="json") for run in pair)),
        environment=provenance_diff.settings(*(provenance_diff.environment(run) for run in pair)),
        measures=tuple(_measures(*map(overall, evaluated))),
        classes=tuple(ClassPair(a=one, b=other) for one, other in zip(*both, strict=False)),
        flips=flips.between(found[0], found[1], names, named_by) if comparable else None,
        noise=_noise(workspace, pair) if comparable else None,
    )
    return difference.model_copy(update={"sentence": _sentence(difference)})


def _predictions(workspace: Workspace, run: RunManifest, remarks: list[str]) -> Predictions | None:
    try:
        path = verify.intact_file(workspace, run, predictions.PREDICTIONS)
        return predictions.read(path, len(run.records.ingest.class_names))
    except InputError as error:
        remarks.append(f"The predictions of run {run.run_id} are not used: {error}")
        return None


def _side(run: RunManifest) -> Side:
    records = run.records
    return Side(
        run_id=run.run_id,
        created=run.created,
        dataset=records.ingest.dataset,
        recipe=run.config.recipe,
        test_images=_tested(records.evaluate),
        parameters=records.build.parameters,
        model_bytes=records.train.model.bytes,
        images_per_second=records.train.images_per_second,
        epochs=records.train.epochs,
        device=records.train.device,
        seed=run.config.training.seed,
        stages=run.stages,
        total_seconds=run.total_seconds,
    )


def _tested(evaluation: Evaluation) -> int:
    return sum(metrics.support for metrics in evaluation.classes)


def _provenance(pair: Pair) -> tuple[ProvenanceRow, ...]:
    digests = (
        {
            **provenance_diff.digests(run),
            "environment": digest_of(json.dumps(provenance_diff.environment(run), sort_keys=True)),
            "weights": run.weights_sha256,
        }
        for run in pair
    )
    return provenance_diff.rows(*digests)


def _measures(a: dict[str, Figure], b: dict[str, Figure]) -> Iterator[Measure]:
    """Put figures of two runs side by side; a figure that one of them lacks is None there."""
    for name in dict.fromkeys((*a, *b)):
        (a_value, a_interval), (b_value, b_interval) = (
            figures.get(name, (None, None)) for figures in (a, b)
        )
        yield Measure(name=name, a=a_value, b=b_value, a_interval=a_interval, b_interval=b_interval)


def _noise(workspace: Workspace, pair: Pair) -> SeedNoise | None:
    """Compare the difference with the wider noise band of A and B."""
    bands = [(band, run) for run in pair if (band := seed_noise.band_of(workspace, run))]
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
    """Say which run is better, and how certain that is."""
    if next(row for row in difference.provenance if row.name == "weights").equal:
        return "A and B have the same weights."
    accuracy = difference.measures[0]
    figures = f"test accuracy {accuracy.a:.2%} in A, {accuracy.b:.2%} in B"
    found = difference.flips
    if found is None:
        return f"Whether A or B is better is unknown: {figures}."
    conclusion = f"B is {'better' if found.fixed > found.broken else 'worse'} than A"
    if found.p_value >= _ALPHA:
        conclusion = "No significant difference between A and B"
    sentence = (
        f"{conclusion} (p = {found.p_value:.2g}, n = {found.images:,}): {figures}; {found.fixed:,} "
        f"images newly right, {found.broken:,} newly wrong (McNemar's exact test)."
    )
    if noise := difference.noise:
        sentence += (
            f" The difference is {'within' if noise.within else 'beyond'} the seed noise: runs "
            f"that differ only in their seed differ by up to {100 * noise.difference:.2f} points "
            f"({noise.seeds} seeds)."
        )
    return sentence
