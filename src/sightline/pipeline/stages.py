"""The stages: what each is called, what it returns and what its result depends on.

By convention stage "train" is the function `train` of its module; a stage's function takes
the run first and then its inputs, each a record or a section of the config.
"""

import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sightline.config import Section
from sightline.pipeline import provenance
from sightline.records import (
    ArraySet,
    Certificate,
    DatasetFiles,
    Evaluation,
    ModelBlueprint,
    Record,
    Report,
    TrainedModel,
)

R = TypeVar("R", bound=Record)

_KERAS = ("keras", "tensorflow", "jax", "torch", "numpy")


@dataclass(frozen=True)
class Stage(Generic[R]):
    """One stage.

    Attributes:
        name: Name of the stage and of its function.
        module: The module that the function stands in.
        result: The record that it returns.
        distributions: Libraries whose versions the result depends on.
        reads: Incidental fields of its inputs that this stage does compute with.
    """

    name: str
    module: str
    result: type[R]
    distributions: tuple[str, ...]
    reads: frozenset[str] = frozenset()

    def key(self, *inputs: Record | Section | str) -> str:
        """Return the cache key of this stage for some inputs.

        It is made of the inputs' content, the source that the stage uses, the versions of
        the libraries that it depends on and Keras' backend. Paths do not count: equal bytes
        give equal keys.

        Args:
            inputs: Records, config sections and digests.

        Returns:
            40 hexadecimal digits.
        """
        content = [
            item if isinstance(item, str) else content_of(item, self.reads) for item in inputs
        ]
        code = provenance.code_digest(self.module)
        libraries = json.dumps(provenance.versions(*self.distributions), sort_keys=True)
        backend = provenance.keras_backend() if "keras" in self.distributions else ""
        return provenance.digest_of(self.name, code, libraries, backend, *content)[:40]


def content_of(model: Record | Section, reads: frozenset[str] = frozenset()) -> str:
    """Return a record's or a section's content as JSON, without paths and incidental fields.

    Args:
        model: What to write.
        reads: Incidental fields that are kept.
    """
    content = model.model_dump(mode="json", exclude=set(model.incidental - reads))
    return json.dumps(_without_paths(content), sort_keys=True)


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        kept = value.items() if "sha256" not in value else _drop(value, "path")
        return {key: _without_paths(item) for key, item in kept}
    if isinstance(value, list):
        return [_without_paths(item) for item in value]
    return value


def _drop(value: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    return [(name, item) for name, item in value.items() if name != key]


INGEST = Stage("ingest", "sightline.data.ingest", DatasetFiles, ("numpy", "pillow", "pyarrow"))
PREPROCESS = Stage("preprocess", "sightline.data.preprocess", ArraySet, ("numpy",))
BUILD = Stage("build", "sightline.models.build", ModelBlueprint, _KERAS)
TRAIN = Stage("train", "sightline.training.train", TrainedModel, _KERAS)
EVALUATE = Stage(
    "evaluate", "sightline.evaluation.evaluate", Evaluation, (*_KERAS, "scikit-learn", "scipy")
)
REPORT = Stage(
    "report",
    "sightline.reporting.report",
    Report,
    ("matplotlib", "pillow", "pandas"),
    reads=frozenset({"inspection"}),  # findings are drawn
)
EXPORT = Stage(
    "export",
    "sightline.export.export",
    Certificate,
    (
        *_KERAS,
        "ai-edge-litert",
        "flatbuffers",
        "h5py",
        "onnx",
        "onnxruntime",
        "protobuf",
        "pyarrow",
        "tf2onnx",
    ),
)

STAGES: tuple[Stage[Any], ...] = (INGEST, PREPROCESS, BUILD, TRAIN, EVALUATE, REPORT, EXPORT)
