"""The trained textures as a published run: what commands and Python find by its ID."""

from dataclasses import dataclass

import made_runs
from sightline.config import EvaluationConfig
from sightline.evaluation.evaluate import evaluate
from sightline.records import DatasetFiles, Evaluation
from sightline.storage.workspace import Workspace
from trained_textures import Textures

RUN_ID = "20261124T010203Z-textures-tutorial-abcdef"
QUICK = EvaluationConfig(robustness_images=0, saliency_images=0, label_error_threshold=1)


@dataclass(frozen=True)
class Published:
    """The workspace of the run, and what its stages returned."""

    workspace: Workspace
    files: DatasetFiles
    evaluation: Evaluation


def publish(textures: Textures) -> Published:
    """Evaluate the model and write a run folder with its manifest and model."""
    run, files = textures.run, textures.files
    evaluation = evaluate(run, files, textures.arrays, textures.trained, QUICK)
    trained = textures.trained
    records = made_runs.stages(
        files, train=trained, evaluate=evaluation, preprocess=textures.arrays
    )
    root = run.workspace.root
    config = made_runs.PLAIN["config"].model_copy(update={"evaluation": QUICK})
    content = (root / trained.model.path).read_bytes()
    model = made_runs.write_file(root / "runs" / RUN_ID, "model.keras", content)
    made_runs.write(
        root, made_runs.manifest(RUN_ID, records, config=config, files={"model.keras": model})
    )
    return Published(run.workspace, files, evaluation)
