import pytest

from sightline.records import ArrayFile, ArraySplit, Layer

LAYERS = (
    Layer(name="images", kind="InputLayer", output_shape=(12, 12, 1), parameters=0),
    Layer(name="convolution_1", kind="Conv2D", output_shape=(6, 6, 8), parameters=80),
    Layer(name="dense", kind="Dense", output_shape=(4,), parameters=141_178),
)


def split(images):
    """Some of 160 stored images."""

    def array(*shape):
        return ArrayFile(path="a.npy", sha256="d" * 64, bytes=1, shape=shape, dtype="float32")

    return ArraySplit(images=array(160, 12, 12, 1), labels=array(images), num_classes=4)


@pytest.fixture
def manifest(manifest):
    """The manifest of a run with a validation split."""
    records = manifest.records
    splits = {"train": split(120), "validation": split(40), "test": split(40)}
    return manifest.model_copy(
        update={
            "records": records.model_copy(
                update={
                    "build": records.build.model_copy(update={"layers": LAYERS}),
                    "preprocess": records.preprocess.model_copy(update={"splits": splits}),
                }
            )
        }
    )
