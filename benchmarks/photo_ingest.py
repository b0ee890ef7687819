"""Ingest of photographs: images a CPU second at three sizes, next to bare decoders.

Usage: python benchmarks/photo_ingest.py --data-dir FOLDER [--rounds 3]

FOLDER has a folder of JPEG files per class, with or without splits. Each measure decodes all of
them and crops them to 28, 64 or 224 pixels, in its own process and in as many threads as Sightline;
a first image and a first ingest of ten images, which imports what is needed, do not count.
"simplejpeg and Pillow" is what Sightline decodes and scales with, and keeps the pixels of a block
only. OpenCV (opencv-python-headless) is measured if it is installed.
"""

import resource
import shutil
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from harness import Comparison, arguments, in_new_process, in_turn, print_rows, scratch, spread
from PIL import Image, ImageOps

SIDES = (28, 64, 224)
SAME, INGEST = "simplejpeg and Pillow", "Sightline: ingest, preprocess and the data gate"
DECODE = "Sightline: decode, with the digests of the files"


def pillow(path: Path, side: int) -> object:
    """Decode as coarsely as the size allows, then crop."""
    with Image.open(path) as image:
        image.draft("RGB", (2 * side, 2 * side))
        return cropped(image.convert("RGB"), side)


def simplejpeg(path: Path, side: int) -> np.ndarray:
    """Decode as coarsely as Pillow would, then crop with Pillow."""
    from simplejpeg import decode_jpeg, decode_jpeg_header

    data = path.read_bytes()
    size = np.array(decode_jpeg_header(data)[:2])
    factor = next(one for one in (8, 4, 2, 1) if one == 1 or size.min() >= 2 * side * one)
    height, width = -(-size // factor)
    image = decode_jpeg(data, min_height=height, min_width=width)
    if side in image.shape[:2]:
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        return image[top : top + side, left : left + side]
    return np.asarray(cropped(Image.fromarray(image), side))


def cropped(image: Image.Image, side: int) -> Image.Image:
    """Scale with Lanczos' filter and cut off what is too much."""
    return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)


def opencv(path: Path, side: int) -> object:
    """Decode, scale the shorter side with OpenCV and cut off the rest."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    ratio = side / min(height, width)
    size = (max(side, round(width * ratio)), max(side, round(height * ratio)))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


BARE = {"Pillow with `draft`": pillow, SAME: simplejpeg, "OpenCV": opencv}


def bare(data_dir: Path, name: str, side: int) -> float:
    """Return the images a CPU second of a bare decoder."""
    from sightline.data.decoding.parallel import ordered_map

    paths = sorted(data_dir.rglob("*.jpg"))
    decode = partial(BARE[name], side=side)
    decode(paths[0])
    return rate(lambda: sum(found is not None for found in ordered_map(decode, paths)))


def decoded(data_dir: Path, side: int) -> float:
    """Return the images a CPU second of Sightline's decoder."""
    from sightline.data.decoding.images import EncodedImage, decode
    from sightline.data.readers.base import Form

    images = [EncodedImage(str(path), path) for path in sorted(data_dir.rglob("*.jpg"))]
    form = Form((side, side, 3), "crop")
    [*decode(images[:1], form)]
    return rate(lambda: sum(len(block) for block in decode(images, form)))


def ingested(data_dir: Path, side: int, root: Path) -> float:
    """Return the images a CPU second of ingest, preprocess and the data gate."""
    from sightline.config import DataConfig, DataGateConfig, PreprocessingConfig
    from sightline.data import ingest, locate, preprocess
    from sightline.data.validation import gate
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    run = Run(id="photos", workspace=Workspace(root))

    def work(folder: Path) -> int:
        settings = DataConfig(dataset=str(folder), image_size=(side, side), resize="crop")
        files = ingest.ingest(run, locate.locate(settings), settings)
        gate.check_data(run.workspace, files, DataGateConfig(), None)
        preprocess.preprocess(run, files, PreprocessingConfig())
        return sum(images.shape[0] for images in files.images.values())

    for place, path in enumerate(sorted(data_dir.rglob("*.jpg"))[:10]):
        target = root / "ten" / f"class {place % 2}" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    work(root / "ten")
    return rate(lambda: work(data_dir))


def rate(work: Callable[[], int]) -> float:
    """Divide the images by the CPU seconds of this process."""

    def spent() -> float:
        found = resource.getrusage(resource.RUSAGE_SELF)
        return found.ru_utime + found.ru_stime

    before = spent()
    images = work()
    return images / (spent() - before)


def measure(data_dir: Path, rounds: int, names: list[str]) -> dict[tuple[str, int], list[float]]:
    """Measure all decoders and sizes in turn; return images a CPU second by both."""
    data = data_dir.absolute()

    def one(name: str, side: int) -> float:
        if name == DECODE:
            return in_new_process(decoded, data, side)
        if name != INGEST:
            return in_new_process(bare, data, name, side)
        with scratch() as root:
            return in_new_process(ingested, data, side, root)

    found: dict[tuple[str, int], list[float]] = {
        (name, side): [] for side in SIDES for name in names
    }
    in_turn(rounds, *(lambda _, key=key: found[key].append(one(*key)) for key in found))
    return found


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Compare Sightline with the same libraries alone."""
    found = measure(data_dir, rounds, [DECODE, INGEST, SAME])
    return [
        Comparison(
            f"{what}, {side} px, images/CPU s",
            f"{SAME} alone",
            higher_is_better=True,
            ours=found[name, side],
            theirs=found[SAME, side],
        )
        for name, what in ((DECODE, "decode photographs"), (INGEST, "ingest and preprocess them"))
        for side in SIDES
    ]


def main() -> None:
    """Print a table of all decoders."""
    given = arguments(__doc__, rounds=3)
    names = [*(name for name in BARE if name != "OpenCV" or find_spec("cv2")), DECODE, INGEST]
    found = measure(given.data_dir, given.rounds, names)
    rows = ((name, *(spread(found[name, side]) for side in SIDES)) for name in names)
    print_rows(("images a CPU second", *(f"{side} px" for side in SIDES)), rows)


if __name__ == "__main__":
    main()
