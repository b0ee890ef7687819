from pathlib import Path

import pytest
from prunable import Publish, key

from sightline import caching, files, publishing
from sightline.caching import Draft
from sightline.manifest import RunManifest
from sightline.records import ModelBlueprint, Run, Source
from sightline.stages import BUILD


@pytest.fixture
def publish(artifacts: Path, manifest: RunManifest) -> Publish:
    """Publish a real run whose build stage made, or found, the entry of a key."""

    def make(name: str, digit: str = "0", recipe: str = "tutorial") -> None:
        run = Run(id=name, root=artifacts)

        def draw(draft: Draft) -> ModelBlueprint:
            copied = {}
            for field in ("architecture", "summary", "picture"):
                files.copy(artifacts / getattr(blueprint, field).path, draft.path(field))
                copied[field] = draft.record(field)
            return blueprint.model_copy(update=copied)

        blueprint = manifest.records.build
        built = caching.find_or_make(run, BUILD, key(digit), draw)
        config = manifest.config.model_copy(update={"recipe": recipe})
        source = Source(dataset="textures", kind="npz", path="p", sha256=manifest.source_sha256)
        records = manifest.records.model_copy(update={"build": built})
        publishing.publish(run, config, source, records, manifest.stages)

    return make
