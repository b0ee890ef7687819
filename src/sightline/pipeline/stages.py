"""What a stage of the pipeline is: its function and what its result depends on.

Each stage is declared beside its function, as in `TRAIN = Stage(train, KERAS)`. The function takes
the run and then its inputs, each a record or a section of the config. It imports Keras and other
heavy libraries only when it is called, so that the parent process can refer to it.
"""

import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic_core import to_jsonable_python

from sightline.config import Section
from sightline.pipeline import provenance
from sightline.records import Record

R = TypeVar("R", bound=Record)

KERAS = ("keras", "numpy")
"""Distributions that the result of every Keras stage depends on, besides Keras' backend."""

STAGE_NAMES = (
    *("survey_files", "partition", "ingest_shard", "ingest", "preprocess", "build", "embed_shard"),
    "embed",
    *("train", "find_neighbors", "fit_reference", "evaluate", "predict"),
    *("draw_data", "report", "export", "predict_shard"),
    *("ingest_labelled", "evaluate_model", "report_evaluation"),
)
"""All stages in the order of the pipeline, then those of an evaluation alone; each has a folder of
this name in the cache."""


@dataclass(frozen=True)
class Stage(Generic[R]):
    """One stage."""

    function: Callable[..., R]  # Its function; `name` and `result` come from it
    distributions: tuple[str, ...]  # Libraries whose versions the result depends on
    reads: frozenset[str] = frozenset()  # Incidental fields of its inputs that it depends on
    # Libraries that only some inputs need: name to a condition on the stage's inputs
    optional: Mapping[str, Callable[..., bool]] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """Name of the stage."""
        return self.function.__name__

    @property
    def result(self) -> type[R]:
        """Type of the record that the function returns."""
        return result_type(self.function)

    def key(self, *inputs: Record | Section | str | None) -> str:
        """Return the cache key of this stage for some inputs.

        It depends on the inputs without their incidental fields (paths, for example), the source
        that the stage uses, and the names and versions of the libraries in use, of which Keras'
        chosen backend is one. It has 40 hexadecimal digits.
        """
        content = [
            item if isinstance(item, str) else content_of(item, self.reads)
            for item in inputs
            if item is not None
        ]
        code = provenance.code_digest(self.function.__module__)
        libraries = json.dumps(self.libraries(*inputs), sort_keys=True)
        backend = provenance.keras_backend() if "keras" in self.distributions else ""
        return provenance.digest_of(self.name, code, libraries, backend, *content)[:40]

    def libraries(self, *inputs: Record | Section | str | None) -> dict[str, str]:
        """Return the versions of the libraries that the result for some inputs depends on."""
        needed = (name for name, is_needed in self.optional.items() if is_needed(*inputs))
        return provenance.versions(*self.distributions, *self._backend(), *needed)

    def made_with(self) -> dict[str, dict[str, str]]:
        """Return the versions of all libraries and the digests of all modules that it may use."""
        names = (*self.distributions, *self._backend(), *self.optional)
        code = provenance.module_digests(self.function.__module__)
        return {"libraries": provenance.versions(*names), "code": code}

    def _backend(self) -> tuple[str, ...]:
        return (provenance.keras_backend(),) if "keras" in self.distributions else ()


def result_type(function: Callable[..., R]) -> type[R]:
    """Return the type of the record that a function is annotated to return."""
    result: type[R] = typing.get_type_hints(function)["return"]
    return result


def content_of(model: Record | Section, reads: frozenset[str] = frozenset()) -> str:
    """Return a record or a section as JSON, without incidental fields."""
    return json.dumps(_content(model, reads), sort_keys=True)


def _content(value: Any, reads: frozenset[str]) -> Any:
    if isinstance(value, Record | Section):
        kept = type(value).model_fields.keys() - (value.incidental - reads)
        return {name: _content(getattr(value, name), reads) for name in kept}
    if isinstance(value, dict):
        return {str(key): _content(item, reads) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_content(item, reads) for item in value]
    return to_jsonable_python(value)
