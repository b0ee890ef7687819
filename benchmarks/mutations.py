"""A thousand changes of stored files: how many are detected, rebuilt and undetected.

Usage: python benchmarks/mutations.py [--count 1000] [--seed 1] [--rebuild 10]

Changes the files of a small, complete artifacts folder (cache, run, pin, checkpoints, locks) and
a result that Prefect stored, one at a time: a flipped bit, a hole, swapped parts, a cut, an
empty file, a repeated end, a shorter header, no file. Detected: refused, or without effect.
Rebuilt: for every tenth detected change in the cache, the stage ran again and produced the
original bytes. Undetected: the file was used; then the exit code is 1.
"""

import logging
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from harness import arguments, print_rows, scratch
from prefect.filesystems import LocalFileSystem
from prefect.results import ResultStore
from prefect.serializers import JSONSerializer

import faultpoint_root as roots
from faultpoint_root import Pipeline
from file_damage import damage
from mutation_sweep import Tally, sweep, with_everything
from sightline.data.preprocess import PREPROCESS
from sightline.tasks.base import VerifiedCache


def change_prefect_results(pipeline: Pipeline, root: Path, tally: Tally, count: int) -> None:
    """Change what Prefect stored for a run, then look up the result as Prefect does."""
    kind, rng = "Prefect's store", random.Random(count)  # noqa: S311 - no secret
    with scratch() as folder:
        store = ResultStore(
            result_storage=LocalFileSystem(basepath=str(folder)),
            serializer=JSONSerializer(),
            cache_result_in_memory=False,
        )
        context, policy = SimpleNamespace(result_store=store), VerifiedCache(stage=PREPROCESS)
        given = pipeline.inputs("preprocess", root)
        inputs = dict(zip(("run", "files", "settings"), given, strict=True))
        key = policy.compute_key(context, inputs, {})  # type: ignore[arg-type]
        for _ in range(count):
            change = damage(folder / str(key), rng)
            tally.changed[kind] += 1
            policy.compute_key(context, inputs, {})  # type: ignore[arg-type]
            if store.read(str(key)).result == pipeline.records["preprocess"]:
                tally.detected[kind] += 1
                tally.rebuilt[kind] += 1
            else:
                tally.undetected.append(f"{kind}: {change}")


def rows(tally: Tally) -> Iterator[tuple[object, ...]]:
    """Count per kind of file."""
    for kind in sorted(tally.changed):
        changed, detected = tally.changed[kind], tally.detected[kind]
        yield kind, changed, detected, changed - detected, tally.rebuilt[kind]
    totals = (tally.changed.total(), tally.detected.total(), len(tally.undetected))
    yield "all", *totals, tally.rebuilt.total()


if __name__ == "__main__":
    given = arguments(__doc__, count=1000, seed=1, rebuild=10)
    logging.getLogger("sightline").setLevel(logging.ERROR)
    pipeline, original = roots.shared()
    with scratch() as folder:
        root = with_everything(pipeline, original, folder / "root")
        in_prefect = given.count // 20
        count = given.count - in_prefect
        *_, tally = sweep(pipeline, root, count, given.seed, given.rebuild, slow=True)
        change_prefect_results(pipeline, original, tally, in_prefect)
    print_rows(("file", "changed", "detected", "undetected", "rebuilt"), rows(tally))
    print(*tally.undetected, sep="\n")
    raise SystemExit(bool(tally.undetected))
