"""Compute shards on the Ray cluster of this machine."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, TypeVar

from sightline.pipeline import cache, ray_cluster
from sightline.pipeline.stages import Stage
from sightline.records import Record, Run

if TYPE_CHECKING:
    from sightline.pipeline.ray_tasks import Function

RAY = "ray"
"""Value of `data.shard_deployment` that stands for the cluster."""

R = TypeVar("R", bound=Record)


def compute_on_ray(
    stage: Stage[R],
    there: "Function[R]",
    here: "Function[R]",
    run: Run,
    shards: Sequence[Record],
    cpus: int,
) -> Iterator[R]:
    """Compute the shards that are not in the cache, each as a task on a node; yield all in order.

    If all are in the cache, no cluster is needed.

    Args:
        there: What a node calls, a function at the top of its module; it fills the cache.
        here: What computes a shard whose entry is damaged by then.
        cpus: Cores of a task, at most those of a node.

    Raises ConfigError as `ray_cluster.connect`, and errors as `ray_tasks.each_on_ray`.
    """
    missing = deque(shard for shard in shards if cache.peek(run, stage, stage.key(shard)) is None)
    with ExitStack() as held:
        computed: Iterator[R] = iter(())
        if missing:
            node = held.enter_context(ray_cluster.connected(gpus=0))
            from sightline.pipeline.ray_tasks import each_on_ray  # imports Ray

            share = node._replace(cpus=min(cpus, node.cpus))
            computed = held.enter_context(closing(each_on_ray(there, run, [*missing], share)))
        for shard in shards:
            if missing and shard is missing[0]:
                missing.popleft()
                next(computed)
            entry = cache.find(run, stage, stage.key(shard))
            yield here(run, shard) if entry is None else entry.record
