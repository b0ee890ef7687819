"""What a model carries beside its weights: the manifest of its run, a sample of its test images."""

import json
from pathlib import Path
from typing import NamedTuple

from sightline.config import RunConfig, loading, toml
from sightline.config.flatten import flatten
from sightline.data import locate
from sightline.errors import ConfigError, InputError
from sightline.evaluation import profile_sample
from sightline.evaluation.profile_sample import PROFILE, Sample
from sightline.experiments import run_folder
from sightline.prediction.records import ServedModel
from sightline.records.manifest import RunManifest
from sightline.storage import digests, sync
from sightline.storage.workspace import Workspace

_NOT_REPEATED = (
    "recipe",
    "description",
    "choice",
    "data.dataset",
    "training.deployment",
    "promotion.gate",
)


class Carried(NamedTuple):
    """What is known of a model."""

    manifest: RunManifest
    sample: Sample | None  # None if it was evaluated by an earlier version


def carried_by(workspace: Workspace, model: ServedModel) -> Carried | None:
    """Return what a model carries; None for a file that is not beside the manifest of its run.

    Raises InputError if a file of it is damaged.
    """
    folder = Path(model.path).parent
    if folder.is_relative_to(workspace.root):
        place = folder.relative_to(workspace.root).as_posix()
        sync.pull_file(workspace, f"{place}/{run_folder.MANIFEST}")
    if not (folder / run_folder.MANIFEST).is_file():
        return None
    manifest = run_folder.read_folder(folder)
    record = manifest.files.get(PROFILE)
    if record is None:
        return Carried(manifest, None)
    path = folder / PROFILE
    if folder.is_relative_to(workspace.root):
        path = sync.fetch(workspace, f"{place}/{PROFILE}", record.sha256)
    if found := digests.difference(path, record.sha256):
        raise InputError(
            f"{path} is {found}, expected SHA-256 {record.sha256}; restore it from a copy, or "
            "train again."
        )
    return Carried(manifest, profile_sample.read(path))


def training_data(manifest: RunManifest) -> str:
    """Return the data set of a model for a deployment: a name, an absolute path or a URL."""
    return locate.as_ingested(manifest.config.data, manifest.records.ingest.source).dataset


def recipe_of(config: RunConfig) -> tuple[str, tuple[str, ...]]:
    """Return recipe and overrides that give the config of a run, but for data set and gate.

    They are those of the deployment's form; "auto" without overrides if no shipped recipe does.
    """
    recipe = config.recipe if config.recipe in loading.names() else loading.DEFAULT
    base = dict(flatten(loading.load(recipe).model_dump(mode="json")))
    settings = flatten(config.model_dump(mode="json"))
    wanted = {key: value for key, value in settings if not key.startswith(_NOT_REPEATED)}
    overrides = tuple(
        f"{key}={toml.write_value(json.loads(value))}"
        for key, value in wanted.items()
        if base.get(key) != value and value != "null"
    )
    try:
        found = dict(flatten(loading.load(recipe, overrides=overrides).model_dump(mode="json")))
    except ConfigError:
        return "auto", ()
    return (recipe, overrides) if wanted.items() <= found.items() else ("auto", ())
