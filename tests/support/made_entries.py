"""A small cache entry of the stage build, and what is stored of it."""

from collections.abc import Callable

from sightline.pipeline.cache import Draft
from sightline.records import Layer, ModelBlueprint
from sightline.storage.object_store import ObjectStore

KEY = "0" * 40
PLACE = f"cache/build/{KEY}"
MANIFEST = f"{PLACE}/manifest.json"


def making(text: str) -> Callable[[Draft], ModelBlueprint]:
    """Return a function that writes two files with this text."""

    def make(draft: Draft) -> ModelBlueprint:
        for name in ("architecture", "deep/summary"):
            draft.path(name).write_text(text)
        return blueprint(draft, "deep/summary")

    return make


def blueprint(draft: Draft, summary: str) -> ModelBlueprint:
    """Record the files `architecture` and `summary` of a draft."""
    return ModelBlueprint(
        architecture=draft.record("architecture"),
        summary=draft.record(summary),
        layers=(Layer(name="dense", kind="Dense", output_shape=(10,), parameters=330),),
        parameters=330,
        image_shape=(28, 28, 1),
        num_classes=10,
    )


def never(draft: Draft) -> ModelBlueprint:
    """Fail if the entry is rebuilt."""
    raise AssertionError("rebuilt")


def objects(store: ObjectStore) -> list[str]:
    """Return the files of the entry in the store, without its manifest."""
    return sorted(one.key for one in store.list(f"{PLACE}/") if one.key != MANIFEST)
