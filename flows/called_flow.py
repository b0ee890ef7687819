"""Flows that the command itself calls with records, so that nobody fills in a form for them.

Prefect prepares each flow for deployments: when it is imported, it describes every setting of the
config for a form, and when it is called, it imports FastAPI to turn the parameters into JSON. Both
together take as long as all stages of a rerun from the cache.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ParamSpec, TypeVar

from prefect import Flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from pydantic import GetPydanticSchema
from pydantic_core import to_jsonable_python
from pydantic_core.core_schema import any_schema

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Undescribed = Annotated[T, GetPydanticSchema(lambda _source, _handler: any_schema())]
"""A parameter that is no part of a form."""


class _CalledFlow(Flow[P, R]):
    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Turn the records among the parameters into JSON."""
        found: dict[str, Any] = to_jsonable_python(parameters)
        return found


def called_flow(name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Return a decorator for a flow of records, whose runs are named after its parameter `run`."""
    return lambda function: _CalledFlow(
        function,
        name=name,
        flow_run_name="{run.id}",
        persist_result=False,
        result_serializer="json",
    )


@contextmanager
def without_heartbeats() -> Iterator[None]:
    """Let flows within the block send no heartbeats.

    Prefect waits at the end of a flow for the thread that sends them, which sleeps for up to a
    second.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
