"""Which stages of a training are cached, and what changed for the others; nothing is run."""

import re
from functools import cached_property
from typing import TypeVar

from sightline.config import BackboneConfig, RunConfig, Section
from sightline.data.ingest import INGEST
from sightline.data.preprocess import PREPROCESS
from sightline.evaluation.evaluate import EVALUATE
from sightline.experiments import provenance_diff, run_folder
from sightline.export.export import EXPORT
from sightline.models.build import BUILD
from sightline.pipeline import cache, provenance
from sightline.pipeline.stages import STAGE_NAMES, Stage
from sightline.prediction.unlabelled import PREDICT
from sightline.records import ArraySet, ModelBlueprint, Record, Run, Source
from sightline.records.manifest import RunManifest
from sightline.reporting.report import REPORT
from sightline.training.embed import EMBED
from sightline.training.train import TRAIN

R = TypeVar("R", bound=Record)

_SECTIONS = {"ingest": "data", "build": "model", "embed": "embedding"}
_SECTIONS |= {"preprocess": "preprocessing", "train": "training", "evaluate": "evaluation"}
_MOST_CHANGES = 3  # Listed for each stage


class PlannedStage(Record):
    """A stage of a planned training."""

    name: str
    cached: bool | None  # None: known only when the stages before it have run
    changes: tuple[str, ...] = ()  # What it depends on that changed since the last run


class StagePlan(Record):
    """The stages of a planned training, in the order of the pipeline."""

    stages: tuple[PlannedStage, ...]
    last_run: str | None = None  # The run that the changes refer to; None if there are none

    @property
    def cached(self) -> bool:
        """Return whether no stage has to run."""
        return all(stage.cached for stage in self.stages)

    @property
    def reasons(self) -> str:
        """Say in one sentence which stages run because of which changes; empty if unknown."""
        by_change: dict[str, list[str]] = {}
        for stage in self.stages:
            if stage.changes:
                by_change.setdefault(listed(stage.changes), []).append(stage.name)
        if not by_change:
            return ""
        phrases = (f"{', '.join(names)} ({change})" for change, names in by_change.items())
        run = run_folder.short_id(self.last_run or "")
        return f"Changed since run {run}: {'; '.join(phrases)}."


def listed(changes: tuple[str, ...]) -> str:
    """List the first changes of a stage."""
    more = len(changes) - _MOST_CHANGES
    return ", ".join(changes[:_MOST_CHANGES]) + (f" and {more} more" if more > 0 else "")


def plan_stages(config: RunConfig, run: Run, source: Source) -> StagePlan:
    """Look up all stages in the cache without checking their files.

    Every stage takes the same inputs as in `flows.train.run_stages`. Where the input of a stage is
    missing, its own settings, code and libraries are compared with the last run all the same.
    """
    look_up = _LookUp(config, run, source)
    files = look_up(INGEST, source, config.data)
    arrays = look_up(PREPROCESS, files, config.preprocessing)
    blueprint = look_up(BUILD, arrays, config.model)
    features: tuple[ArraySet | None, ...] = ()
    if _has_frozen_layers(config, blueprint):
        features = (look_up(EMBED, arrays, blueprint, config.embedding),)
    examples = features[0] if features else arrays
    network = blueprint
    if config.training.frozen.epochs:
        head = blueprint and blueprint.model_copy(update={"phase": "frozen"})
        frozen = look_up(TRAIN, examples, head, config.training.frozen_phase())
        update = frozen and {"pretrained": frozen.model, "phase": "finetune"}
        network = blueprint.model_copy(update=update) if blueprint and update else None
    trained = look_up(TRAIN, examples, network, config.training)
    evaluation = look_up(EVALUATE, files, arrays, trained, config.evaluation, *features)
    if files is not None and files.unlabelled:
        look_up(PREDICT, source, config.data, files, trained)
    if config.promotion.gate != "off":
        look_up(EXPORT, files, trained, evaluation, config.export)
    look_up(REPORT, files, blueprint, trained, evaluation, config.report)
    stages = tuple(sorted(look_up.found.values(), key=lambda one: STAGE_NAMES.index(one.name)))
    if not any(stage.changes for stage in stages) or look_up.last is None:
        return StagePlan(stages=stages)
    return StagePlan(stages=stages, last_run=look_up.last.run_id)


def _has_frozen_layers(config: RunConfig, blueprint: ModelBlueprint | None) -> bool:
    if blueprint is not None:
        return blueprint.last_frozen is not None
    return isinstance(config.model, BackboneConfig) and config.model.finetune != "full"


class _LookUp:
    """Looks up one stage after the other."""

    def __init__(self, config: RunConfig, run: Run, source: Source) -> None:
        self._config, self._run, self._source = config, run, source
        self.found: dict[str, PlannedStage] = {}

    @cached_property
    def last(self) -> RunManifest | None:
        """The last run of the same data set and recipe."""
        return provenance_diff.last_run(self._run.workspace, self._config, self._source)

    def __call__(self, stage: Stage[R], *inputs: Record | Section | None) -> R | None:
        """Return the cached record of a stage; None if there is none or an input is missing."""
        known = all(item is not None for item in inputs)
        record = cache.peek(self._run, stage, stage.key(*inputs)) if known else None
        if stage.name in self.found and not self.found[stage.name].cached:
            return record  # the phase before fine-tuning runs
        changes = () if record or self._run.refresh else tuple(self._changes(stage, *inputs))
        cached = record is not None if known else None
        self.found[stage.name] = PlannedStage(name=stage.name, cached=cached, changes=changes)
        return record

    def _changes(self, stage: Stage[R], *inputs: Record | Section | None) -> list[str]:
        if self.last is None:
            return []
        found = []
        if stage is INGEST and self.last.source_sha256 != self._source.sha256:
            found.append(f"data {self.last.source_sha256[:8]} -> {self._source.sha256[:8]}")
        section = _SECTIONS.get(stage.name, stage.name)
        found += provenance_diff.section_changes(self.last.config, self._config, section)
        return found + self._changed_provenance(self.last, stage, *inputs)

    def _changed_provenance(
        self, last: RunManifest, stage: Stage[R], *inputs: Record | Section | None
    ) -> list[str]:
        """Compare libraries and modules with those of the last run's cache entry."""
        record = getattr(last.records, stage.name)
        text = record.model_dump_json() if record else ""
        place = re.search(rf'"cache/{stage.name}/([0-9a-f]{{40}})/', text)
        made_with = cache.made_with(self._run, stage, place[1]) if place else None
        if made_with is None:
            return []
        now = stage.libraries(*inputs)
        before = {name: made_with["libraries"].get(name) for name in now}
        found = provenance_diff.phrases(before, now)
        modules = provenance.module_digests(stage.function.__module__)
        code = [name for name in modules if made_with["code"].get(name) != modules[name]]
        if code:
            more = f" and {len(code) - 1} more modules" if code[1:] else ""
            found.append(f"code of {code[0].removeprefix('sightline.')}{more}")
        return found
