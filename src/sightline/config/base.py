"""The base class and the field types that all sections share."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

Side = Annotated[int, Field(ge=8, le=4096)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, examples=[1])]


class Section(BaseModel):
    """A frozen section of the config that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    # Fields that do not affect any result; they are left out of cache keys
    incidental: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe each field by the docstring below it.

        Pydantic's `use_attribute_docstrings` would read the sources whenever a command starts.
        """
        found = handler(core_schema)
        fields = handler.resolve_ref_schema(found)["properties"]
        for section in reversed(cls.__mro__):
            if issubclass(section, Section):
                for name, text in _docstrings(section):
                    if name in fields:  # else it is a constant of the class
                        fields[name]["description"] = text
        return found


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a class that have a docstring."""
    (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(parsed, ast.ClassDef)  # noqa: S101 - it is the source of one
    for field, below in pairwise(parsed.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
