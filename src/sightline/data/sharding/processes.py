"""Compute shards in processes of this machine."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import TypeVar

from sightline.data.decoding.parallel import ordered_map
from sightline.data.sharding.shard import ingest_shard
from sightline.errors import KerasProcessError
from sightline.pipeline.process import KerasProcess
from sightline.pipeline.process_settings import ProcessSettings
from sightline.pipeline.provenance import cores
from sightline.records import IngestedShard, Record, Run, Shard

S = TypeVar("S", bound=Record)
R = TypeVar("R", bound=Record)

_THREADS = 4  # Threads with which a process decodes
_TRIES = 3  # How often a shard is begun whose process dies


def in_processes(
    run: Run, shards: Sequence[Shard], processes: int | None = None
) -> Iterator[IngestedShard]:
    """Ingest shards and yield them in order, by default in a process for each four cores.

    A single process is this one. If another one dies, its shard alone is begun again; an error or
    an interrupt ends them all. Raises errors as `ingest_shard`, and KerasProcessError if a shard
    kills its process three times.
    """
    count = processes or -(-cores() // _THREADS)
    if count == 1:
        yield from (ingest_shard(run, shard) for shard in shards)
        return
    everyone = [KerasProcess() for _ in range(count)]
    idle: SimpleQueue[KerasProcess] = SimpleQueue()
    for process in everyone:
        process.configure(ProcessSettings(use_gpu=False, keras=False))
        idle.put(process)

    def ingest(shard: Shard) -> IngestedShard:
        process = idle.get()
        try:
            return in_process(process, ingest_shard, run, shard)
        finally:
            idle.put(process)

    def cancel() -> None:
        for process in everyone:
            process.cancel()

    try:
        yield from ordered_map(ingest, shards, 1, 2 * count, count, cancel)
    finally:
        for process in everyone:
            process.close()


def in_process(process: KerasProcess, function: Callable[[Run, S], R], run: Run, shard: S) -> R:
    """Call the function of a stage of shards in a process; begin the shard again if that dies.

    Raises errors as the function, and KerasProcessError if the shard kills the process three times.
    """
    for _ in range(_TRIES - 1):
        try:
            return process.run(function, run, shard)
        except KerasProcessError:
            if process.is_cancelled:
                raise
    return process.run(function, run, shard)
