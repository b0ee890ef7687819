"""The stage build: the untrained model for the shape of the data."""

from sightline.config import ModelConfig
from sightline.models.borders import NO_BORDERS, blank_borders
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, Layer, ModelBlueprint, Run

_DESCRIPTION_BYTES = 1 << 20  # Room for the architecture and the summary


def build(run: Run, arrays: ArraySet, settings: ModelConfig) -> ModelBlueprint:
    """Describe the untrained model for the shape of the data. Runs in the Keras process."""
    key = BUILD.key(arrays, settings)
    return find_or_make(run, BUILD, key, lambda draft: _describe(run, arrays, settings, draft))


BUILD = Stage(build, KERAS)


def _describe(run: Run, arrays: ArraySet, settings: ModelConfig, draft: Draft) -> ModelBlueprint:
    from sightline.models import cnn  # imports Keras

    run.workspace.check_room(_DESCRIPTION_BYTES, "The description of the model")
    borders = NO_BORDERS
    if settings.crop_borders != 1:
        images = run.workspace.root / arrays.splits["train"].images.path
        borders = blank_borders(images, settings.crop_borders)
    model = cnn.classifier(arrays.image_shape, len(arrays.class_names), settings, borders)
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
