"""The cost of the stage evaluate, part by part, beside that of the fit.

Usage: python benchmarks/evaluation.py --data-dir DIRECTORY [--recipe auto] [--dataset FOLDER]
    [--set KEY=VALUE ...] [--depth standard] [--depth full]

CPU seconds of one process: one training, then one evaluation a depth. The first has the imports.
The fit is the stages embed and train.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from harness import arguments, print_rows, scratch

from sightline.data import ingest, locate, preprocess, recommend
from sightline.evaluation.evaluate import EVALUATE
from sightline.models.build import BUILD
from sightline.pipeline.fast_import import quick_import
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.training.device import process_settings
from sightline.training.embed import EMBED
from sightline.training.train import TRAIN


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Call a function; return its result and its CPU seconds."""
    started = time.process_time()
    return call(), time.process_time() - started


def note(spent: dict[str, float], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds its CPU seconds to those of `name`."""

    def call(*given: Any) -> Any:
        found, seconds = timed(lambda: function(*given))
        spent[name] = spent.get(name, 0.0) + seconds
        return found

    return call


def instrument(spent: dict[str, float]) -> None:
    """Let the parts of the stage note their CPU seconds."""
    from sightline.evaluation import measures

    for name, function in measures.MEASURES.items():
        measures.MEASURES[name] = note(spent, name, function)
    for owner, attribute, name in (
        (measures.model_under_test, "load", "read the model"),
        (measures, "predict_split", "predictions of the test split"),
        (measures, "_served", "check of the exported model"),
        (measures.classification, "measure", "classification"),
    ):
        setattr(owner, attribute, note(spent, name, getattr(owner, attribute)))


def main() -> None:
    """Measure and print a Markdown table."""
    given = arguments(__doc__, recipe="auto", dataset="", set=[], depth=[])
    config = recommend.load(given.recipe, None, given.set, given.dataset or None)
    if threads := process_settings(config.training).threads:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    with quick_import():  # as the Keras process does
        import keras  # noqa: F401
    with scratch() as root:
        run = Run(id="evaluation", workspace=Workspace(root), data_dir=given.data_dir)
        files = ingest.ingest(run, locate.locate(config.data), config.data)
        arrays = preprocess.preprocess(run, files, config.preprocessing)
        blueprint = BUILD.function(run, arrays, config.model)
        features, embedding = None, 0.0
        if blueprint.last_frozen is not None:
            call = lambda: EMBED.function(run, arrays, blueprint, config.embedding)  # noqa: E731
            features, embedding = timed(call)
        examples = features or arrays
        trained, training = timed(lambda: TRAIN.function(run, examples, blueprint, config.training))
        fitted, spent = embedding + training, {}
        print(f"fit: {fitted:.1f} CPU s, embed {embedding:.1f} of them; {config.recipe}")
        print(f"weights {trained.weights_sha256[:16]}")
        _, imports = timed(lambda: instrument(spent))
        for depth in given.depth or ["standard", "full"]:
            settings = config.evaluation.model_copy(update={"depth": depth})
            spent.clear()
            evaluation, total = timed(
                lambda settings=settings: EVALUATE.function(
                    run, files, arrays, trained, settings, features
                )
            )
            total, spent["imports"] = total + imports, imports
            spent["everything else"] = total - sum(spent.values())
            rows = [*spent.items(), ("all", total)]
            print(
                f"{depth}: accuracy {evaluation.accuracy:.4f}, {evaluation.predictions.sha256[:16]}"
            )
            print_rows(
                (depth, "CPU s", "share of the fit"),
                ((name, f"{seconds:.2f}", f"{seconds / fitted:.1%}") for name, seconds in rows),
            )
            imports = 0.0


if __name__ == "__main__":
    main()
