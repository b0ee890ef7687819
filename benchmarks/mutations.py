"""A thousand changes of stored files: how many are noticed, healed, silent.

Usage: python benchmarks/mutations.py [--count 1000] [--seed 1] [--heal 10]

A small but complete artifacts root (cache, a run, a pin, the checkpoints of an interrupted
training, locks) and a result that Prefect stored are changed one file at a time: a bit, a hole,
swapped stretches, a cut, nothing left, a doubled end, a shorter header, no file. Noticed: refused
by whoever reads it, or of no effect. Healed: of every tenth noticed change in the cache the stage
was run again and gave the bytes of before. Silent: the file was believed.
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from prefect.filesystems import LocalFileSystem
from prefect.results import ResultStore
from prefect.serializers import JSONSerializer

import faultpoint_root as roots
from faultpoint_root import Pipeline
from file_damage import damage
from mutation_sweep import Tally, sweep, with_everything
from sightline.data.preprocess import PREPROCESS
from sightline.tasks.base import VerifiedCache


def prefect_records(pipeline: Pipeline, root: Path, tally: Tally, count: int, seed: int) -> None:
    """Change what Prefect stored for a run, then look the result up as Prefect does."""
    kind, rng = "Prefect's store", random.Random(seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        store = ResultStore(
            result_storage=LocalFileSystem(basepath=folder),
            serializer=JSONSerializer(),
            cache_result_in_memory=False,
        )
        context = SimpleNamespace(result_store=store)
        names = ("run", "files", "settings")
        inputs = dict(zip(names, pipeline.inputs("preprocess", root), strict=True))
        policy = VerifiedCache(stage=PREPROCESS)
        key = policy.compute_key(context, inputs, {})  # type: ignore[arg-type]
        for _ in range(count):
            how = damage(Path(folder) / str(key), rng)
            tally.changed[kind] += 1
            policy.compute_key(context, inputs, {})  # type: ignore[arg-type]
            if store.read(str(key)).result == pipeline.records["preprocess"]:
                tally.noticed[kind] += 1
                tally.healed[kind] += 1
            else:
                tally.silent.append(f"{kind}: {how}")


def show(tally: Tally, seconds: float) -> None:
    """Print the table."""
    print(f"{'file':<20}{'changed':>9}{'noticed':>9}{'silent':>9}{'healed':>9}")
    for kind in sorted(tally.changed):
        counts = (tally.changed[kind], tally.noticed[kind])
        row = (*counts, counts[0] - counts[1], tally.healed[kind])
        print(f"{kind:<20}{''.join(f'{count:>9}' for count in row)}")
    total = (tally.changed.total(), tally.noticed.total(), len(tally.silent), tally.healed.total())
    print(f"{'all':<20}{''.join(f'{count:>9}' for count in total)}   {seconds:.0f} s")
    for line in tally.silent:
        print(f"silent: {line}")


def main() -> None:
    """Change and print; exit code 1 if anything was silent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--heal", type=int, default=10)
    asked = parser.parse_args()
    logging.getLogger("sightline").setLevel(logging.ERROR)
    pipeline, whole = roots.shared()
    with tempfile.TemporaryDirectory() as temporary:
        root = with_everything(pipeline, whole, Path(temporary) / "root")
        started, in_prefect = time.monotonic(), asked.count // 20
        changes = sweep(pipeline, root, asked.count - in_prefect, asked.seed, asked.heal, slow=True)
        *_, tally = changes
        prefect_records(pipeline, whole, tally, in_prefect, asked.seed)
    show(tally, time.monotonic() - started)
    raise SystemExit(bool(tally.silent))


if __name__ == "__main__":
    main()
