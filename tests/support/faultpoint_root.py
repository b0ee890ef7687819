"""A small complete artifacts root and its copies that are damaged and rebuilt."""

import atexit
import functools
import hashlib
import re
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from declared_stages import STAGES
from examples import write_npz
from faultpoint import NONE, Fault, Outcome, Stages
from sightline.config import RunConfig, loading
from sightline.data import locate
from sightline.experiments import verify
from sightline.pipeline import cache
from sightline.records import Run, Source, StageRecords
from sightline.storage import digests, files
from sightline.storage.workspace import Workspace

STEPS = ["ingest", "preprocess", "build", "train", "evaluate", "report", "publish"]
"""The steps of the run. Export is missing: it works in child processes, which no fault point
reaches. So are predict, since all splits have labels, and the shards of ingest, since the data are
small. All store their results like every stage."""

PHOTO_STEPS = ["ingest", "preprocess", "build", "embed", "train"]
"""The steps of the run with a pretrained network."""

SLOW = frozenset({"train", "evaluate", "report"})
"""Steps that take a second; the others take a tenth."""

_SETTINGS = [
    "training.epochs=2",
    "training.batch_size=16",
    "training.checkpoint_steps=1",
    "model.convolutions=[{filters=2}]",
    "model.dense_units=4",
    "report.mistakes=2",
]
_PHOTO_SETTINGS = [
    *_SETTINGS[:3],
    "data.image_size=[32, 32]",
    "model.cut=group_7",
    "embedding.engine=keras",
    "embedding.views=2",
]
_MEASURED = ("ingest", "preprocess", "train")
_SHOWN = ("ingest", "build", "train", "evaluate")
_RESULTS = {stage.name: stage.result for stage in STAGES}


@dataclass
class Pipeline:
    """The steps of a small run and their results; roots may be copied and moved."""

    stages: Stages
    config: RunConfig
    source: Source
    records: dict[str, Any] = field(default_factory=dict)
    undisturbed: dict[tuple[str, bool], Any] = field(default_factory=dict)

    def inputs(self, step: str, root: Path, run_id: str = "again", **asked: Any) -> list[Any]:
        """Return the arguments of the step's function."""
        started = datetime(2026, 11, 24, tzinfo=UTC)
        run = Run(id=run_id, workspace=Workspace(root), started=started, **asked)
        of, config = self.records, self.config
        taken: dict[str, list[Any]] = {
            "ingest": [self.source, config.data],
            "preprocess": [of.get("ingest"), config.preprocessing],
            "build": [of.get("preprocess"), config.model],
            "embed": [of.get("preprocess"), of.get("build"), config.embedding],
            "train": [of.get("embed", of.get("preprocess")), of.get("build"), config.training],
            "evaluate": [*(of.get(name) for name in _MEASURED), config.evaluation],
            "report": [*(of.get(name) for name in _SHOWN), config.report],
        }
        if step.startswith("publish"):
            return [run, config, self.source, StageRecords(**of), {}]
        return [run, *taken[step]]

    def start(self, step: str, root: Path, fault: Fault = NONE, **asked: Any) -> Path:
        """Start a trial of a step, whose inputs must exist."""
        return self.stages.start(step, self.inputs(step, root, **asked), root, fault)

    def run(self, step: str, root: Path, fault: Fault = NONE, **asked: Any) -> Outcome:
        return self.stages.wait(self.start(step, root, fault, **asked))

    def key(self, step: str) -> str:
        """Return the key of a stage's entry."""
        found = re.search(rf"cache/{step}/([0-9a-f]{{40}})/", self.records[step].model_dump_json())
        assert found is not None
        return found[1]


Finished = tuple[Pipeline, Path]  # A pipeline and its complete artifacts root


def run_all(stages: Stages, folder: Path, *, photos: bool = False) -> Finished:
    """Run the complete pipeline once; the run is called "first"."""
    data = write_npz(folder / "textures.npz", train=32, test=16, shape=(12, 12, 3 if photos else 1))
    recipe, settings = ("photos", _PHOTO_SETTINGS) if photos else ("quickstart", _SETTINGS)
    config = loading.load(recipe, overrides=settings, dataset=str(data))
    pipeline = Pipeline(stages, config, locate.locate(config.data))
    root = folder / "artifacts"
    root.mkdir()
    for step in PHOTO_STEPS if photos else STEPS:
        outcome = pipeline.run(step, root, run_id="first")
        assert outcome.error is None, outcome.error
        if step in _RESULTS:
            pipeline.records[step] = _RESULTS[step].model_validate(outcome.result)
    return pipeline, root


@functools.cache
def shared(*, photos: bool = False) -> Finished:
    """Return the pipeline and its complete root, created once and removed at exit."""
    ending = ExitStack()
    atexit.register(ending.close)
    folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
    (folder / "trials").mkdir()
    return run_all(ending.enter_context(Stages(folder / "trials")), folder, photos=photos)


def having(step: str) -> Finished:
    """Return the pipeline that has a step: the one of photographs has embed."""
    return shared(photos=step not in STEPS)


def copy(root: Path, to: Path, without: str | None = None) -> Path:
    """Copy a root, without the result of one step."""
    shutil.copytree(root, to)
    if without == "publish":
        shutil.rmtree(to / "runs" / "again", ignore_errors=True)
    elif without is not None:
        shutil.rmtree(to / "cache" / without)
    return to


def snapshot(root: Path) -> dict[str, str]:
    """Digest every file that readers can see: path to SHA-256."""
    paths = [path for path in _visible(root, "**/*") if path.is_file()]
    return {path.relative_to(root).as_posix(): digests.sha256(path) for path in paths}


def results(root: Path) -> dict[str, str]:
    """Return the snapshot without files that contain times: manifests, histories, reports."""
    pages = ("report.html", "report.md", "MODEL_CARD.md")
    timed = ("manifest.json", "history.parquet", *pages, ".npz")
    return {path: digest for path, digest in snapshot(root).items() if not path.endswith(timed)}


def entries(root: Path, step: str) -> list[str]:
    """List the keys of a stage's entries."""
    return [path.name for path in _visible(root, f"cache/{step}/*")]


def visible_damage(root: Path) -> list[str]:
    """List damaged files under their final names."""
    run = Run(id="inspect", workspace=Workspace(root))
    found = []
    for stage in STAGES:
        folders = _visible(root, f"cache/{stage.name}/*")
        found += [str(path) for path in folders if cache.find(run, stage, path.name) is None]
    for verdict in verify.verify(run.workspace):
        found += [damage.path for damage in verdict.damages]
    for path in _visible(root, "checkpoints/*/*"):
        if hashlib.sha256(path.read_bytes()).hexdigest()[:16] not in path.name:
            found.append(str(path))
    return found


def leftovers(root: Path) -> list[str]:
    """List everything partly written or partly removed."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    found = [path for folder in folders for path in files.leftovers(folder)]
    return sorted(path.relative_to(root).as_posix() for path in found)


def _visible(root: Path, pattern: str) -> list[Path]:
    """List what readers can see, in order."""
    found = sorted(root.glob(pattern))
    return [path for path in found if "/." not in f"/{path.relative_to(root).as_posix()}"]
