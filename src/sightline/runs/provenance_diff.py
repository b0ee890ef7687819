"""What changed since the last run of a data set and recipe: data, code, config, environment."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sightline.config import RunConfig, Section
from sightline.config.flatten import differing
from sightline.errors import InputError
from sightline.pipeline import provenance
from sightline.records import FileRecord, Record, Source
from sightline.records.manifest import ManifestExcerpt, RunManifest
from sightline.runs import run_folder
from sightline.storage import digests
from sightline.storage.workspace import Workspace

_SHOWN_DIGITS = 8


class Comparison(Record):
    """What differs between what is asked for and the last run.

    Attributes:
        run_id: The last run of the same data set and recipe; None where there is none.
        changes: One phrase a difference, such as "config (training.epochs 5 -> 6)"; empty
            where the run would only be made again.
    """

    run_id: str | None
    changes: tuple[str, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Tell whether there is a last run and nothing changed since."""
        return self.run_id is not None and not self.changes

    @property
    def sentence(self) -> str:
        """Say in one line what changed."""
        if self.run_id is None:
            return "There is no earlier run of this data set and recipe."
        if not self.changes:
            return f"Nothing changed: data, code, config and environment equal run {self.run_id}."
        return f"Changed since run {self.run_id}: {', '.join(self.changes)}."


def since_last_run(workspace: Workspace, config: RunConfig, source: Source) -> Comparison:
    """Compare what is asked for with the last run of the same data set and recipe.

    Where there is a run of the same seed, too, the last one of these counts: the runs of
    `train --seeds` come in between and change nothing.

    Args:
        config: The complete config.
        source: The data set's source as it lies there now.

    Returns:
        The comparison. Where a config names its data or its deployment does not count.
    """
    last = _last_run(workspace, config, source)
    if last is None:
        return Comparison(run_id=None)
    return Comparison(run_id=last.run_id, changes=tuple(_changes(workspace, last, config, source)))


def _last_run(workspace: Workspace, config: RunConfig, source: Source) -> RunManifest | None:
    alike = [
        run
        for run in run_folder.history(workspace, source.dataset)
        if _is_alike(run, config, source)
    ]
    for run in sorted(alike, key=lambda run: run.config.training.seed != config.training.seed):
        with suppress(InputError):
            return run_folder.read(workspace, run.run_id)
    return None


def _is_alike(run: ManifestExcerpt, config: RunConfig, source: Source) -> bool:
    """Tell whether a run is of the same recipe and of the same data, by place or by content."""
    places = {run.records.ingest.source, run.config.data.dataset}
    same_data = run.source_sha256 == source.sha256 or source.path in places
    return same_data and run.config.recipe == config.recipe


def _changes(
    workspace: Workspace, last: RunManifest, config: RunConfig, source: Source
) -> Iterator[str]:
    if last.source_sha256 != source.sha256:
        yield f"data ({_short(last.source_sha256)} -> {_short(source.sha256)})"
    code = provenance.package_digest()
    if last.code_sha256 != code:
        yield f"code ({_short(last.code_sha256)} -> {_short(code)})"
    if settings := _differences(_content(last.config), _content(config)):
        yield f"config ({'; '.join(settings)})"
    if surroundings := _differences(
        _environment(last.environment), _environment(provenance.environment())
    ):
        yield f"environment ({'; '.join(surroundings)})"
    elif last.lock_sha256 != provenance.lock_digest():
        yield "environment (lock file)"
    if damaged := _damaged(workspace, last):
        yield f"the last run's files ({', '.join(damaged)} missing or damaged)"


def _content(section: Section) -> dict[str, Any]:
    """Flatten a config to dotted keys, without descriptions and incidental fields."""
    found: dict[str, Any] = {}
    for name, value in section:
        if name in section.incidental or name == "description":
            continue
        if isinstance(value, Section):
            found |= {f"{name}.{key}": item for key, item in _content(value).items()}
        else:
            found[name] = value
    return found


def _environment(recorded: dict[str, Any]) -> dict[str, Any]:
    """Leave out what may differ from machine to machine of a pool without being a change."""
    return {"python": recorded["python"], **recorded["versions"], **recorded["variables"]}


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [f"{name} {_shown(old)} -> {_shown(new)}" for name, old, new in differing(before, after)]


def _damaged(workspace: Workspace, manifest: RunManifest) -> list[str]:
    folder = run_folder.folder(workspace, manifest.run_id)
    return [name for name, record in manifest.files.items() if not _is_whole(folder / name, record)]


def _is_whole(path: Path, record: FileRecord) -> bool:
    try:
        return digests.sha256(path) == record.sha256
    except OSError:
        return False


def _short(digest: str) -> str:
    return digest[:_SHOWN_DIGITS]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} entries"
    return "unset" if value is None else str(value)
