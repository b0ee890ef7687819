"""The cost of a rerun in which every stage is cached, and what reading all files again adds.

Usage: python benchmarks/rerun.py [--dataset FOLDER] [--recipe quickstart] [--set KEY=VALUE ...]
    [--rounds 3]

CPU seconds of the command and the processes that it ends; the private server, which was started
before, is not one of them. A first training fills the cache, and a first rerun the memory of
digests.
"""

import os
import resource
import time

from harness import arguments, in_turn, print_rows, scratch, spread, train


def spent() -> float:
    """Return the CPU seconds of all processes that this one started and that have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def main() -> None:
    """Measure in turn and print a table."""
    given = arguments(__doc__, dataset="", recipe="quickstart", set=[], rounds=3)
    os.environ.pop("PREFECT_API_URL", None)  # use a private server
    options = [f"--recipe={given.recipe}", *(f"--set={one}" for one in given.set)]
    options += [f"--dataset={given.dataset}"] if given.dataset else []
    found: dict[str, list[float]] = {"cached rerun": [], "with --verify": []}
    with scratch() as root:

        def rerun(*more: str) -> float:
            before = spent()
            summary = train(root, given.data_dir, *options, *more)
            if not all(stage["cached"] for stage in summary["stages"].values()):
                raise SystemExit(f"not a cached rerun: {summary['stages']}")
            return spent() - before

        train(root, given.data_dir, *options)
        time.sleep(2)  # what was just written is not remembered
        rerun()
        in_turn(
            given.rounds,
            lambda _: found["cached rerun"].append(rerun()),
            lambda _: found["with --verify"].append(rerun("--verify")),
        )
    print_rows(
        ("command", "CPU s, median (range)"),
        ((name, spread(values)) for name, values in found.items()),
    )


if __name__ == "__main__":
    main()
