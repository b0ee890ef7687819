import pytest

from sightline.records import ArrayFile, ArraySplit, Layer, Run
from sightline.records.manifest import RunManifest
from sightline.reporting import figures

LAYERS = (
    Layer(name="images", kind="InputLayer", output_shape=(12, 12, 1), parameters=0),
    Layer(name="convolution_1", kind="Conv2D", output_shape=(6, 6, 8), parameters=80),
    Layer(name="dense", kind="Dense", output_shape=(4,), parameters=141_178),
)


def split(images: int) -> ArraySplit:
    def array(*shape: int) -> ArrayFile:
        return ArrayFile(path="a.npy", sha256="d" * 64, bytes=1, shape=shape, dtype="float32")

    return ArraySplit(images=array(images, 12, 12, 1), labels=array(images, 4))


@pytest.fixture
def manifest(run: Run, manifest: RunManifest) -> RunManifest:
    """The manifest of a run with a validation split and a picture of its layers."""
    records = manifest.records
    figures.draw_layers(run.workspace.root / records.build.picture.path, LAYERS, (12, 12, 1), 4)
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
