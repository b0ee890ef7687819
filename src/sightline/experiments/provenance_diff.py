"""What differs between the provenance of two runs: data, code, config and environment."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sightline.config import RunConfig, Section
from sightline.config.flatten import flatten
from sightline.errors import InputError
from sightline.experiments import run_folder, verify
from sightline.pipeline import provenance
from sightline.records import DeviceReport, Record, Source
from sightline.records.difference import ProvenanceRow, Setting
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

_LONGEST_VALUE = 60

_CHOSEN_IN_TRAINING = frozenset(
    {"training.deterministic", "training.precision", "training.devices"}
)
"""Known only after a training has started."""


class Changes(Record):
    """What changed since the last run of the same data set and recipe."""

    run_id: str | None  # The last run; None if there is none
    # One phrase per difference, such as "config (training.epochs 5 -> 6)"; empty if another run
    # would give the same result
    changes: tuple[str, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Return whether there is a last run and nothing has changed since."""
        return self.run_id is not None and not self.changes

    @property
    def sentence(self) -> str:
        """Describe the changes in one sentence."""
        if self.run_id is None:
            return "There is no earlier run of this data set and recipe."
        if not self.changes:
            return f"Nothing changed: data, code, config and environment equal run {self.run_id}."
        return f"Changed since run {self.run_id}: {', '.join(self.changes)}."


def rows(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[ProvenanceRow, ...]:
    """Compare nested provenance key by key, equal values included."""
    before, after = dict(flatten(a)), dict(flatten(b))
    return tuple(
        ProvenanceRow(
            name=name,
            a=json.loads(before.get(name, "null")),
            b=json.loads(after.get(name, "null")),
            equal=before.get(name) == after.get(name),
        )
        for name in dict.fromkeys((*before, *after))
    )


def settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Setting, ...]:
    """List the keys of nested settings whose values differ."""
    before, after = dict(flatten(a)), dict(flatten(b))
    return tuple(
        Setting(key=key, a=before.get(key), b=after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    )


def digests(run: RunManifest) -> dict[str, str | None]:
    """Return the digests of what a run depends on."""
    return {"data": run.source_sha256, "code": run.code_sha256, "lock file": run.lock_sha256}


def environment(run: RunManifest) -> dict[str, Any]:
    """Return what a run recorded of machine, versions and device."""
    trained = run.records.train
    return {
        "pipeline": run.environment,
        "training": {"device": trained.device, **trained.environment},
    }


def with_now(
    run: RunManifest, source: Source, device: DeviceReport | None
) -> tuple[ProvenanceRow, ...]:
    """Compare the data, code and environment of a run, A in the result, with the present ones.

    Without a device, because training runs on another machine, its settings are not compared.
    """
    training = {"device": device.device, **device.environment} if device else {}
    now = {
        "data": source.sha256,
        "code": provenance.package_digest(),
        "lock file": provenance.lock_digest(),
        "pipeline": provenance.environment(),
        "training": training,
    }
    return tuple(
        row
        for row in rows({**digests(run), **environment(run)}, now)
        if row.name not in _CHOSEN_IN_TRAINING
        and (device is not None or not row.name.startswith("training."))
    )


def since_last_run(workspace: Workspace, config: RunConfig, source: Source) -> Changes:
    """Compare a config and its data with the last run of the same data set and recipe.

    If there are runs of the same seed, the last of these counts: the runs of `train --seeds` in
    between change nothing. The path of the data and the deployment do not count.
    """
    last = last_run(workspace, config, source)
    if last is None:
        return Changes(run_id=None)
    return Changes(run_id=last.run_id, changes=tuple(_changes(workspace, last, config, source)))


def last_run(workspace: Workspace, config: RunConfig, source: Source) -> RunManifest | None:
    """Read the last run of the same recipe and data, by content or path; equal seeds first."""
    candidates = [
        run
        for run in run_folder.history(workspace, source.dataset)
        if run.config.recipe == config.recipe
        and (
            run.source_sha256 == source.sha256
            or source.path in {run.records.ingest.source, run.config.data.dataset}
        )
    ]
    for run in sorted(candidates, key=lambda run: run.config.training.seed != config.training.seed):
        with suppress(InputError):
            return run_folder.read(workspace, run.run_id)
    return None


def _changes(
    workspace: Workspace, last: RunManifest, config: RunConfig, source: Source
) -> Iterator[str]:
    if last.source_sha256 != source.sha256:
        yield f"data ({last.source_sha256[:8]} -> {source.sha256[:8]})"
    code = provenance.package_digest()
    if last.code_sha256 != code:
        yield f"code ({last.code_sha256[:8]} -> {code[:8]})"
    if changed := phrases(_content(last.config), _content(config)):
        yield f"config ({'; '.join(changed)})"
    if changed := phrases(_portable(last.environment), _portable(provenance.environment())):
        yield f"environment ({'; '.join(changed)})"
    elif last.lock_sha256 != provenance.lock_digest():
        yield "environment (lock file)"
    if damaged := verify.damaged_files(workspace, last):
        yield f"the last run's files ({', '.join(damaged)} missing or damaged)"


def section_changes(before: RunConfig, after: RunConfig, section: str) -> list[str]:
    """List the keys of a section with other values, such as "training.epochs 5 -> 6"."""
    sections = [{section: _content(getattr(config, section))} for config in (before, after)]
    return phrases(*sections)


def _content(section: Section) -> dict[str, Any]:
    """Dump a config without descriptions and incidental fields."""
    found = section.model_dump(mode="json", exclude={"description", *section.incidental})
    sections = {name: value for name, value in section if isinstance(value, Section)}
    return found | {name: _content(value) for name, value in sections.items() if name in found}


def _portable(recorded: dict[str, Any]) -> dict[str, Any]:
    """Drop what may differ between the machines of a pool, such as the number of cores."""
    return {"python": recorded["python"], **recorded["versions"], **recorded["variables"]}


def phrases(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """List what differs between nested settings, such as "training.epochs 5 -> 6"."""
    return [f"{row.key} {_shown(row.a)} -> {_shown(row.b)}" for row in settings(before, after)]


def _shown(value: str | None) -> str:
    if value is None or value == "null":
        return "unset"
    return value.strip('"') if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
