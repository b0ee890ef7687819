"""Invalid user input, and the facts that its error must name."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import bad_files as bad
from bad_files import COUNT, HTML, IDX_IMAGES, IDX_LABELS, Write, X, Y


@dataclass(frozen=True)
class Case:
    """One fault, and the facts that its error message must contain.

    `write` is None if the data set is not the fault; in `options`, `{folder}` is its folder.
    """

    name: str
    facts: tuple[str, ...]
    write: Write | None = None
    options: tuple[str, ...] = ()

    def arguments(self, folder: Path) -> list[str]:
        """Write the data set into a new folder; return the command line."""
        folder.mkdir()
        dataset = self.write(folder) if self.write else "mnist-5k"
        options = [option.replace("{folder}", str(folder)) for option in self.options]
        return ["train", f"--dataset={dataset}", *options]


def with_pixel(value: float) -> np.ndarray:
    """Return the images with this pixel value in row 5."""
    images = X.astype(np.float32)
    images[5, 2, 3] = value
    return images


DAMAGED = (
    Case("empty-idx", (IDX_IMAGES, "empty"), bad.idx({IDX_IMAGES: b""})),
    Case("empty-npz", ("data.npz", "empty"), bad.file("data.npz", b"")),
    Case(
        "truncated-idx",
        (IDX_IMAGES, "truncated", "copy"),
        bad.damaged(bad.idx(), bad.cut(0.7), IDX_IMAGES),
    ),
    Case("truncated-npz", ("data.npz", "copy"), bad.damaged(bad.npz(), bad.cut(0.9))),
    Case("truncated-csv", ("train.csv", "row"), bad.damaged(bad.csv(), bad.cut(0.85))),
    *(
        Case(
            f"flipped-bit-idx-at-{share}",
            (IDX_IMAGES, "copy"),
            bad.damaged(bad.idx(), bad.flipped(share), IDX_IMAGES),
        )
        for share in (0.1, 0.5, 0.99)
    ),
    Case("flipped-bit-npz", ("data.npz", "CRC"), bad.damaged(bad.npz(), bad.flipped(0.2))),
    Case(
        "second-gzip-member-idx",
        (IDX_IMAGES, "single gzip member"),
        bad.damaged(bad.idx(), lambda content: content + gzip.compress(b"more"), IDX_IMAGES),
    ),
)

MALFORMED = (
    Case("wrong-magic-idx", (IDX_IMAGES, "0x00000801"), bad.idx({IDX_IMAGES: bad.idx_bytes(Y)})),
    Case("wrong-magic-npz", ("data.npz", "not a zip"), bad.file("data.npz", b"GIF89a" * 9)),
    Case(
        "too-few-bytes-idx",
        (IDX_IMAGES, "states 8 x 8 x 8 bytes", "1 bytes less"),
        bad.idx({IDX_IMAGES: gzip.compress(bad.idx_bytes(X)[:-1])}),
    ),
    Case(
        "too-many-bytes-idx",
        (IDX_LABELS, "states 8 bytes", "more"),
        bad.idx({IDX_LABELS: gzip.compress(bad.idx_bytes(Y) + b"\0")}),
    ),
    Case("images-and-labels-differ-idx", ("8 images", "7 labels"), bad.idx(labels=Y[1:])),
    Case(
        "label-out-of-range-idx",
        ("t10k-labels", "row 3", "label 9", "training split"),
        bad.idx({"t10k-labels-idx1-ubyte.gz": bad.idx_bytes(np.where(Y == 3, 9, Y))}),
    ),
    Case("label-out-of-range-npz", ("y_test, row 2", "6"), bad.npz(y_test=Y * 3)),
    Case("label-out-of-range-csv", ("test.csv, row 0", "'x'"), bad.csv(test="x")),
    Case(
        "class-out-of-range-folder",
        ("test", "'owl'", "training split"),
        bad.images("train/cat", "train/dog", "test/cat", "test/owl"),
    ),
    Case("nan-pixel-npz", ("x_train, row 5", "nan"), bad.npz(x_train=with_pixel(np.nan))),
    Case("inf-pixel-npz", ("x_test, row 5", "inf"), bad.npz(x_test=with_pixel(np.inf))),
    Case("inf-pixel-csv", ("train.csv, row 6", "inf"), bad.csv({(6, 9): "-inf"})),
)

UNFIT = (
    Case("wrong-dtype-npz", ("x_train", "complex64"), bad.npz(x_train=X * np.complex64(1))),
    Case(
        "wrong-dtype-parquet",
        ("data.parquet", "'image'", "found int64"),
        bad.parquet(image=list(range(COUNT))),
    ),
    Case(
        "wrong-shape-csv",
        ("63 pixel columns", "data.image_size"),
        bad.file("data.csv", b"0" + 63 * b",1" + b"\n1" + 63 * b",1"),
    ),
    Case("one-class-idx", ("one class (0)",), bad.idx(labels=Y * 0)),
    Case("one-class-parquet", ("one class ('a')",), bad.parquet(label=["a"] * COUNT)),
    Case("one-class-folder", ("one class ('cat')",), bad.images("cat")),
    Case("empty-split-parquet", ("data.parquet", "0 examples"), bad.parquet(image=[], label=Y[:0])),
    Case(
        "empty-split-csv",
        ("test.csv", "0 examples"),
        bad.damaged(bad.csv(test=0), lambda content: content.partition(b"\n")[0], "test.csv"),
    ),
    Case("empty-folder", ("is empty", "four IDX files"), lambda folder: folder),
    Case(
        "class-of-one-image",
        ("class 'b'", "add another"),
        bad.parquet(label=["a"] * (COUNT - 1) + ["b"]),
    ),
)

PAGES = (
    Case("html-as-gz", (IDX_IMAGES, "HTML"), bad.idx({IDX_IMAGES: HTML})),
    *(
        Case(f"html-as-{name}", (name, "HTML"), bad.file(name, HTML))
        for name in ("data.npz", "data.npy", "data.parquet", "data.csv", "data.gz")
    ),
    Case("html-as-png", ("0.png", "HTML"), bad.images(files={"cat/0.png": HTML})),
)

SETTINGS = (
    Case("unknown-key", ("'training.epoch'", "'epochs'"), options=("--set=training.epoch=3",)),
    Case(
        "unknown-key-in-a-file",
        ("'data.labels_column' (from /", "'label_column'"),
        bad.file("mine.toml", b"[data]\nlabels_column = 'kind'"),
        options=("--config={folder}/mine.toml",),
    ),
)

CASES = DAMAGED + MALFORMED + UNFIT + PAGES + SETTINGS
