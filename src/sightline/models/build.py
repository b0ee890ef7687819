"""The network: a chain of 3x3 convolutions, global average pooling and two dense layers."""

import keras
from keras import layers

from sightline.config import ModelConfig
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import BUILD
from sightline.records import ArraySet, Layer, ModelBlueprint, Run
from sightline.training.crop import NO_BORDERS, Borders, blank_borders

_MOMENTUM = 0.9
"""Of the running means and variances; Keras' 0.99 forgets too slowly for a few hundred steps."""

_DESCRIPTION_BYTES = 1 << 20
"""Room for the architecture and the summary."""


def build(run: Run, arrays: ArraySet, settings: ModelConfig) -> ModelBlueprint:
    """Describe the untrained model for the shape of the data.

    Args:
        run: Where to work.
        arrays: Gives the image shape and the classes.
        settings: The layers.

    Returns:
        The architecture as JSON, a text summary and the number of parameters.

    Raises:
        StorageError: The disk has too little room.
    """

    def make(draft: Draft) -> ModelBlueprint:
        run.workspace.check_room(_DESCRIPTION_BYTES, "The description of the model")
        borders = _borders(run, arrays, settings)
        model = classifier(arrays.image_shape, len(arrays.class_names), settings, borders)
        rows = tuple(_describe(layer) for layer in model.layers)
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

    return find_or_make(run, BUILD, BUILD.key(arrays, settings), make)


def classifier(
    image_shape: tuple[int, int, int],
    num_classes: int,
    settings: ModelConfig,
    borders: Borders = NO_BORDERS,
) -> keras.Model:
    """Make the functional model.

    Args:
        image_shape: Height, width, channels.
        num_classes: Width of the softmax.
        settings: The layers.
        borders: Pixels that the model leaves out on each side.

    Returns:
        A model from float32 images of shape (batch, *image_shape) in [0, 1] to float32
        class probabilities of shape (batch, num_classes).
    """
    images = keras.Input(image_shape, name="images")
    features = images
    if borders != NO_BORDERS:
        features = layers.Cropping2D(borders, name="crop_borders")(features)
    for number, convolution in enumerate(settings.convolutions, start=1):
        features = layers.Conv2D(
            convolution.filters,
            3,
            strides=convolution.stride,
            padding="same",
            use_bias=not convolution.batch_normalization,
            name=f"convolution_{number}",
        )(features)
        if convolution.batch_normalization:
            name = f"normalization_{number}"
            features = layers.BatchNormalization(momentum=_MOMENTUM, name=name)(features)
        features = layers.ReLU(name=f"relu_{number}")(features)
    features = layers.GlobalAveragePooling2D(name="average_pooling")(features)
    features = layers.Dense(settings.dense_units, activation="relu", name="dense")(features)
    if settings.dropout:
        features = layers.Dropout(settings.dropout, name="dropout")(features)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(features)
    return keras.Model(images, probabilities, name="classifier")


def _borders(run: Run, arrays: ArraySet, settings: ModelConfig) -> Borders:
    if settings.crop_borders == 1:
        return NO_BORDERS
    return blank_borders(
        run.workspace.root / arrays.splits["train"].images.path, settings.crop_borders
    )


def _describe(layer: keras.layers.Layer) -> Layer:
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        output_shape=tuple(layer.output.shape[1:]),
        parameters=layer.count_params(),
    )
