"""Meets the other machines of a training. Runs in the Keras process, with JAX.

Node 0 listens at the rendezvous. If a node dies, the others end with NodeLostError.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from sightline.errors import ConfigError, NodeLostError
from sightline.training import checkpoints
from sightline.training.checkpoints import Checkpoint
from sightline.training.nodes import nodes

_HEARTBEAT_SECONDS = 30  # A node that is silent for so long is lost


@contextmanager
def joined(key: str) -> Iterator[None]:
    """Compute together with the other nodes within the block, if there are any.

    Must come before anything else computes in this process. Raises ConfigError if the key of
    another node's training differs, and NodeLostError if a node does not come or dies.
    """
    place = nodes()
    if place.count == 1:
        yield
        return
    jax: Any = importlib.import_module("jax")  # optional, and only partly typed
    try:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(
            place.rendezvous,
            place.count,
            place.rank,
            initialization_timeout=place.wait,
            heartbeat_timeout_seconds=_HEARTBEAT_SECONDS,
            coordinator_bind_address=place.rendezvous if place.leads else None,
        )
        _check_same(key)
        yield
        jax.distributed.shutdown()
    except (jax.errors.JaxRuntimeError, RuntimeError, ValueError) as error:
        if isinstance(error, ValueError) and "Gloo" not in str(error):  # JAX's connections on CPUs
            raise
        reason = str(error).strip().splitlines()[0]
        raise NodeLostError(
            f"Node {place.rank} of {place.count} lost the others ({reason}); see their logs, then "
            "start all nodes again: the training resumes from its newest checkpoint."
        ) from error


def from_leader(find: Callable[[], Checkpoint | None]) -> Checkpoint | None:
    """Return the checkpoint that node 0 finds; on a single machine, that of this one."""
    place = nodes()
    if place.count == 1:
        return find()
    found = find() if place.leads else None
    content = _broadcast(b"" if found is None else checkpoints.encode(found))
    return checkpoints.decode(content) if content else None


def _check_same(key: str) -> None:
    if _broadcast(key.encode()).decode() != key:
        raise ConfigError(
            "This node has other data, settings, code or libraries than node 0; start the same "
            "command in the same environment on every node."
        )


def _broadcast(content: bytes) -> bytes:
    """Return the bytes that node 0 gives."""
    from jax.experimental import multihost_utils

    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(content))))
    padded = np.frombuffer(content.ljust(size)[:size], np.uint8)
    return bytes(np.asarray(multihost_utils.broadcast_one_to_all(padded)))
