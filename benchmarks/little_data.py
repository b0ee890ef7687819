"""Few images, two classes, rare classes: the recipe `auto` on parts of two data sets.

Usage: python benchmarks/little_data.py --data-dir PHOTOS --cifar FOLDER [--seeds 3] [--only ROW]

PHOTOS has train/ and test/ with a folder per class, FOLDER has CIFAR-10 as train*.parquet and
test*.parquet. Another seed draws other training images. CPU seconds are those of all processes,
without the in-depth evaluation; images of CIFAR-10 are enlarged to 128x128 pixels. --only, which
may be repeated, measures the rows whose name begins like this.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from harness import arguments, print_rows, scratch, spread
from photos import HEAD, Point, ours

CAT, DOG = 3, 5
COLUMNS = ("", "CPU s", "accuracy, %", "balanced accuracy, %")
Wanted = dict[int, tuple[int, int]]  # Training and test images of each class


def cut_photos(source: Path, target: Path, count: int, seed: int) -> None:
    """Take `count` training images of each class, and all test images."""
    drawn = np.random.default_rng(seed)
    for folder in sorted((source / "train").iterdir()):
        (target / "train" / folder.name).mkdir(parents=True)
        for path in drawn.choice(sorted(folder.iterdir()), count, replace=False):
            shutil.copy(path, target / "train" / folder.name)
    shutil.copytree(source / "test", target / "test")


def cut_cifar(source: Path, target: Path, wanted: Wanted, seed: int) -> None:
    """Write some images of some classes as a folder; test images are always the first ones."""
    drawn = np.random.default_rng(seed)
    for place, split in enumerate(("train", "test")):
        table = pq.read_table(next(source.glob(f"{split}*.parquet")))
        images, labels = (table.columns[column].to_pylist() for column in (0, 1))
        for label, counts in wanted.items():
            rows = [row for row, found in enumerate(labels) if found == label]
            if split == "train":
                rows = drawn.choice(rows, counts[place], replace=False).tolist()
            folder = target / split / f"class {label}"
            folder.mkdir(parents=True)
            for row in rows[: counts[place]]:
                (folder / f"{row}.jpg").write_bytes(images[row]["bytes"])


def measured(
    photos: Path, cifar: Path, seeds: int, only: list[str]
) -> Iterator[tuple[str, str, str, str]]:
    """Train on each part with each seed; yield the rows of the table."""
    rare = {CAT: (2_500, 500), DOG: (50, 500)}
    ten = dict.fromkeys(range(10), (1_000, 200))
    pair = dict.fromkeys((CAT, DOG), (1_500, 400))
    scratch_recipe = ("--recipe=cifar", "--set=training.epochs=9")
    parts: dict[str, tuple[Wanted, tuple[str, ...]]] = {
        "clothing, 10 images a class": ({}, ()),
        "cats and dogs of CIFAR-10, 1,500 each": (pair, ()),
        "the same cats and dogs, the head alone": (pair, HEAD),
        "2,500 cats and 50 dogs, tested on 500 each": (rare, ()),
        "CIFAR-10, 10,000 images": (ten, ()),
        "the same, recipe cifar, 9 epochs": (ten, scratch_recipe),
    }
    chosen = {name: part for name, part in parts.items() if name.startswith(tuple(only or ("",)))}
    for name, (wanted, options) in chosen.items():
        points: list[Point] = []
        for seed in range(seeds):
            with scratch() as root:
                folder = root / "images"
                if wanted:
                    cut_cifar(cifar, folder, wanted, seed)
                else:
                    cut_photos(photos, folder, 10, seed)
                points.append(ours(root, folder, seed, *options))
        balanced = [100 * found["balanced_accuracy"] for _, _, found in points]
        seconds, accuracies = ([point[part] for point in points] for part in (0, 1))
        yield name, spread(seconds), spread(accuracies), spread(balanced)


def main() -> None:
    """Measure and print a Markdown table."""
    given = arguments(__doc__, cifar=Path(), seeds=3, only=[])
    folders = given.data_dir.absolute(), given.cifar.absolute()
    print_rows(COLUMNS, measured(*folders, given.seeds, given.only))


if __name__ == "__main__":
    main()
