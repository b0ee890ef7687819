from pathlib import Path

import pytest

from prunable import Publish, key
from sightline.models.build import BUILD
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft
from sightline.records import ModelBlueprint, Run, Source
from sightline.records.manifest import RunManifest
from sightline.reporting import publish as publishing
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.fixture
def publish(artifacts: Path, manifest: RunManifest) -> Publish:
    """Publish a real run whose build stage made, or found, the entry of a key."""

    def make(name: str, digit: str = "0", recipe: str = "tutorial") -> None:
        run = Run(id=name, workspace=Workspace(artifacts))

        def draw(draft: Draft) -> ModelBlueprint:
            copied = {}
            for field in ("architecture", "summary"):
                files.copy(artifacts / getattr(blueprint, field).path, draft.path(field))
                copied[field] = draft.record(field)
            return blueprint.model_copy(update=copied)

        blueprint = manifest.records.build
        built = cache.find_or_make(run, BUILD, key(digit), draw)
        config = manifest.config.model_copy(update={"recipe": recipe})
        source = Source(dataset="textures", kind="npz", path="p", sha256=manifest.source_sha256)
        records = manifest.records.model_copy(update={"build": built})
        publishing.publish(run, config, source, records, manifest.stages)

    return make
