"""Ingest of photographs: images a CPU second, next to bare decoders.

Usage: python benchmarks/photo_ingest.py --data-dir FOLDER [--rounds 3]

FOLDER has a folder of JPEG files per class, with or without splits. Each measure decodes all of
them to 224x224 pixels, cropped, in its own process and in as many threads as Sightline; a first
image and a first ingest of ten images, which imports what is needed, do not count. simplejpeg and
OpenCV (opencv-python-headless) are measured if they are installed.
"""

import resource
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from harness import arguments, in_new_process, in_turn, print_rows, scratch, spread

SIDE = 224


def pillow(path: Path) -> object:
    """Decode as coarsely as the size allows, then crop."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        image.draft("RGB", (SIDE, SIDE))
        return np.asarray(ImageOps.fit(image.convert("RGB"), (SIDE, SIDE)))


def opencv(path: Path) -> object:
    """Decode, scale the shorter side and cut off the rest."""
    import cv2

    return scaled(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))


def simplejpeg(path: Path) -> object:
    """Decode as coarsely as the size allows; OpenCV scales."""
    import simplejpeg as library

    image = library.decode_jpeg(path.read_bytes(), min_height=SIDE, min_width=SIDE)
    return scaled(image)


def scaled(image: np.ndarray) -> np.ndarray:
    """Scale the shorter side with OpenCV and cut off the rest."""
    import cv2

    height, width = image.shape[:2]
    ratio = SIDE / min(height, width)
    size = (max(SIDE, round(width * ratio)), max(SIDE, round(height * ratio)))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    top, left = (image.shape[0] - SIDE) // 2, (image.shape[1] - SIDE) // 2
    return np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])


BARE = {"pillow": pillow, "opencv": opencv, "simplejpeg": simplejpeg}
NEEDS = {"pillow": "PIL", "opencv": "cv2", "simplejpeg": "simplejpeg"}


def bare(data_dir: Path, name: str) -> float:
    """Return the images a CPU second of a bare decoder."""
    from sightline.data.decoding.parallel import ordered_map

    paths = sorted(data_dir.rglob("*.jpg"))
    BARE[name](paths[0])
    return rate(lambda: sum(found is not None for found in ordered_map(BARE[name], paths)))


def decoded(data_dir: Path) -> float:
    """Return the images a CPU second of Sightline's decoder, with the digest of each file."""
    from sightline.data.decoding.images import EncodedImage, decode
    from sightline.data.readers.base import Form

    images = [EncodedImage(str(path), path) for path in sorted(data_dir.rglob("*.jpg"))]
    form = Form((SIDE, SIDE, 3), "crop")
    return rate(lambda: sum(len(block) for block in decode(images, form)))


def ingested(data_dir: Path, root: Path) -> float:
    """Return the images a CPU second of ingest and the data gate."""
    from sightline.config import DataConfig, DataGateConfig
    from sightline.data import ingest, locate
    from sightline.data.validation import gate
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    run = Run(id="photos", workspace=Workspace(root))

    def work(folder: Path) -> int:
        settings = DataConfig(dataset=str(folder), image_size=(SIDE, SIDE), resize="crop")
        files = ingest.ingest(run, locate.locate(settings), settings)
        gate.check_data(run.workspace, files, DataGateConfig(), None)
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


def main() -> None:
    """Measure in turn and print a table."""
    given = arguments(__doc__, rounds=3)
    data = given.data_dir.absolute()
    measures: dict[str, Callable[[], float]] = {
        name: lambda name=name: in_new_process(bare, data, name)
        for name, module in NEEDS.items()
        if find_spec(module) and (name != "simplejpeg" or find_spec("cv2"))
    }
    measures["Sightline: decode, with the digests of the files"] = lambda: in_new_process(
        decoded, data
    )

    def with_gate() -> float:
        with scratch() as root:
            return in_new_process(ingested, data, root)

    measures["Sightline: ingest and the data gate"] = with_gate
    found: dict[str, list[float]] = {name: [] for name in measures}
    in_turn(
        given.rounds,
        *(
            lambda _, name=name, one=one: found[name].append(one())
            for name, one in measures.items()
        ),
    )
    rows = ((name, spread(values)) for name, values in found.items())
    print_rows(("decoder", "images a CPU second"), rows)


if __name__ == "__main__":
    main()
