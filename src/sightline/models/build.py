"""The stage build: the untrained model for the shape of the data."""

import random
from typing import TYPE_CHECKING

from sightline.config import (
    BackboneConfig,
    CnnConfig,
    CustomConfig,
    ModelConfig,
    ResnetConfig,
    VggConfig,
)
from sightline.data.split_arrays import open_split
from sightline.errors import ConfigError
from sightline.models import source_files
from sightline.models.borders import NO_BORDERS, blank_borders
from sightline.models.whitening import whitening
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, Layer, ModelBlueprint, Run

if TYPE_CHECKING:
    import keras

_DESCRIPTION_BYTES = 1 << 20  # Room for the architecture and the summary
_PRETRAINED = "pretrained.keras"


def build(run: Run, arrays: ArraySet, settings: ModelConfig) -> ModelBlueprint:
    """Describe the untrained model for the shape of the data. Runs in the Keras process.

    Raises ConfigError if the settings or the user's model do not fit the images, or the package of
    the pretrained weights is not installed, DownloadError if they cannot be downloaded, and
    ModelFileError if their file cannot be used.
    """
    settings = source_files.pin(settings)

    def make(draft: Draft) -> ModelBlueprint:
        run.workspace.check_room(_DESCRIPTION_BYTES, "The description of the model")
        if isinstance(settings, BackboneConfig):
            return _pretrained(run, arrays, settings, draft)
        return _describe(_untrained(run, arrays, settings), arrays, draft)

    return find_or_make(run, BUILD, BUILD.key(arrays, settings), make)


BUILD = Stage(build, KERAS)


def _untrained(
    run: Run, arrays: ArraySet, settings: CnnConfig | ResnetConfig | VggConfig | CustomConfig
) -> "keras.Model":
    match settings:
        case CnnConfig():
            return _cnn(run, arrays, settings)
        case ResnetConfig():
            return _resnet(arrays, settings)
        case VggConfig():
            return _vgg(run, arrays, settings)
        case CustomConfig():
            return _custom(arrays, settings)


def _cnn(run: Run, arrays: ArraySet, settings: CnnConfig) -> "keras.Model":
    from sightline.models import cnn  # imports Keras

    borders = NO_BORDERS
    if settings.crop_borders != 1:
        images = open_split(run.workspace, arrays.splits["train"])
        borders = blank_borders(images, settings.crop_borders)
    return cnn.classifier(arrays.image_shape, len(arrays.class_names), settings, borders)


def _resnet(arrays: ArraySet, settings: ResnetConfig) -> "keras.Model":
    from sightline.models import resnet

    return resnet.classifier(arrays.image_shape, len(arrays.class_names), settings)


def _vgg(run: Run, arrays: ArraySet, settings: VggConfig) -> "keras.Model":
    from sightline.models import vgg

    side = min(arrays.image_shape[:2])
    if side <= 2 ** len(settings.widths):
        raise ConfigError(
            f"model.widths has {len(settings.widths)} blocks, each of which halves the image: too "
            f"many for images with a side of {side} pixels; give fewer widths."
        )
    filters = whitening(open_split(run.workspace, arrays.splits["train"]))
    return vgg.classifier(arrays.image_shape, len(arrays.class_names), settings, filters)


def _custom(arrays: ArraySet, settings: CustomConfig) -> "keras.Model":
    import keras

    from sightline.models import custom

    keras.backend.clear_session()  # equal settings give equal names
    return custom.classifier(arrays.image_shape, len(arrays.class_names), settings)


def _pretrained(
    run: Run, arrays: ArraySet, settings: BackboneConfig, draft: Draft
) -> ModelBlueprint:
    import keras

    from sightline.models import backbone, keras_files
    from sightline.models.seeding import draw_by_seed

    keras.backend.clear_session()  # equal settings give equal names
    model, sha256 = backbone.classifier(arrays.image_shape, len(arrays.class_names), settings)
    draw_by_seed(backbone.head(model), random.Random(0))  # noqa: S311 - the file must repeat
    last_frozen = backbone.last_frozen(model, settings)
    run.workspace.check_room(4 * model.count_params(), "The pretrained weights")
    keras_files.export(model, draft.path(_PRETRAINED))
    update = {
        "pretrained": draft.record(_PRETRAINED),
        "pretrained_sha256": sha256,
        "last_frozen": last_frozen,
    }
    return _describe(model, arrays, draft).model_copy(update=update)


def _describe(model: "keras.Model", arrays: ArraySet, draft: Draft) -> ModelBlueprint:
    rows = tuple(
        Layer(
            name=layer.name,
            kind=type(layer).__name__,
            output_shape=tuple(layer.output.shape[1:]),
            parameters=layer.count_params(),
        )
        for layer in model.layers
    )
    draft.path("architecture.json").write_text(model.to_json(indent=1), encoding="utf-8")
    lines: list[str] = []
    model.summary(line_length=88, print_fn=lines.append)
    draft.path("model_summary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ModelBlueprint(
        architecture=draft.record("architecture.json"),
        summary=draft.record("model_summary.txt"),
        layers=rows,
        parameters=model.count_params(),
        image_shape=arrays.image_shape,
        num_classes=len(arrays.class_names),
    )
