"""Images a second of fit: the tutorial's network, Sightline and plain Keras.

Usage: python benchmarks/throughput.py --data-dir DIRECTORY [--rounds 3]

At batch 32, three epochs of 12,800 images in a process each; the last counts, so that graph
building does not.
"""

import json
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from comparison import SHALLOW, Comparison, answer, in_turn, main

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
EPOCHS, EXAMPLES = 3, 12_800

VARIANTS = {
    "one tower, float32": {},
    "two ghost_batches, float32": {"ghost_batches": 2},
    "two ghost_batches, precision auto, 8 steps at once": {
        "ghost_batches": 2,
        "precision": "auto",
        "steps_per_execution": 8,
    },
}
"""What is set in [training] besides the tutorial's."""


def plain(data_dir: Path) -> float:
    """Measure the plain script."""
    counts = [f"--epochs={EPOCHS}", f"--examples={EXAMPLES}"]
    found = answer([sys.executable, f"{HERE}/plain_keras.py", str(data_dir), *counts])
    return float(found["fit_images_per_second"])


def ours(root: Path, data_dir: Path, seed: int, changes: dict[str, object]) -> float:
    """Measure the tutorial's recipe with some changes; another seed is not in the cache."""
    wanted = {"epochs": EPOCHS, "examples_per_epoch": EXAMPLES, "seed": seed, **changes}
    settings = [f"--set=training.{key}={value}" for key, value in wanted.items()]
    command = [f"{BIN}/sightline", "train", f"--data-dir={data_dir}", *settings, *SHALLOW]
    run = answer(
        [*command, f"--artifacts={root}/artifacts", "--json"], PREFECT_HOME=f"{root}/prefect"
    )
    records = json.loads(Path(run["run_dir"], "manifest.json").read_text())["records"]
    history = pq.read_table(root / "artifacts" / records["train"]["history"]["path"])
    return float(history["images_per_second"].to_pylist()[-1])


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure all in turn."""
    fits = {
        name: Comparison(f"fit at batch 32, {name}, images/s", "plain Keras, float32", True)
        for name in VARIANTS
    }
    with tempfile.TemporaryDirectory() as folder:

        def measure_plain(_: int) -> None:
            found = plain(data_dir)
            for fit in fits.values():
                fit.theirs.append(found)

        def measure(name: str, seed: int) -> None:
            fits[name].ours.append(ours(Path(folder), data_dir, seed, VARIANTS[name]))

        variants = [lambda seed, name=name: measure(name, seed) for name in VARIANTS]
        in_turn(rounds, measure_plain, *variants)
    return list(fits.values())


if __name__ == "__main__":
    main(__doc__, compare, rounds=3)
