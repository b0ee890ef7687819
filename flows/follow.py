"""Takes part in a training that another machine leads; needs no Prefect."""

from sightline.config import RunConfig
from sightline.data.ingest import ingest
from sightline.data.locate import locate
from sightline.data.preprocess import preprocess
from sightline.models.build import BUILD
from sightline.records import Run, TrainedModel
from sightline.training.device import prepare_process, process_of_training
from sightline.training.embed import EMBED
from sightline.training.train import TRAIN


def follow(config: RunConfig, run: Run) -> TrainedModel:
    """Train with the other nodes and return what node 0 stored; node 0 does all that follows.

    The stages before the training are computed once for all nodes, which share the artifacts.

    Raises errors as `flows.train.training_flow`.
    """
    process = prepare_process(config.training)
    cached = run.model_copy(update={"refresh": False})
    with run.workspace.in_use():
        files = ingest(cached, locate(config.data), config.data)
        arrays = preprocess(cached, files, config.preprocessing)
        blueprint = process.run(BUILD.function, cached, arrays, config.model)
        if blueprint.last_frozen is not None:
            arrays = process.run(EMBED.function, cached, arrays, blueprint, config.embedding)
        settings = config.training
        if settings.frozen.epochs:
            head = blueprint.model_copy(update={"phase": "frozen"})
            with process_of_training() as own:
                frozen = own.run(TRAIN.function, run, arrays, head, settings.frozen_phase())
            update = {"pretrained": frozen.model, "phase": "finetune"}
            blueprint = blueprint.model_copy(update=update)
        with process_of_training() as own:
            return own.run(TRAIN.function, run, arrays, blueprint, settings)
