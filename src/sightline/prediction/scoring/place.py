"""Where scores are, `scores/<name>/`, and who may write there.

    day=2026-11-29/part-<digest>.parquet   the scores
    _copies/<digest>.parquet               names of files whose content has a score
    _checks/, _labels/                     comparisons with the test images, labels that came later
    _latest.json, _monitoring.html

Readers of Parquet folders ignore names that begin with an underscore.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sightline.data import locate
from sightline.errors import InputError
from sightline.prediction.scoring import arrivals
from sightline.records import ScoringStatus
from sightline.storage import claims, files, locks, sync
from sightline.storage.claims import HeldClaim
from sightline.storage.workspace import Workspace

LATEST, PAGE = "_latest.json", "_monitoring.html"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass
class Scores:
    """The scores of one name."""

    workspace: Workspace
    name: str
    _claim: HeldClaim | None = field(default=None, init=False)  # That of `alone`

    @property
    def prefix(self) -> str:
        """The folder relative to the artifacts root, with a slash."""
        return f"scores/{self.name}/"

    @property
    def folder(self) -> Path:
        """The folder."""
        return self.workspace.path(self.prefix)

    def parts(self) -> list[Path]:
        """List the files of scores, the oldest day first."""
        return sorted(self.folder.glob("day=*/part-*.parquet"))

    def pull(self) -> None:
        """Make the files those of the object store, if there is one: what is gone there, goes."""
        sync.pull(self.workspace, self.prefix, lambda key: "/." not in key, limit=None)

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """Yield a temporary path for a file of the folder, which appears complete or not at all.

        On object storage it appears there first: another scoring that pulls at this moment would
        take it for removed. Raises StorageError if another machine may have taken over the scores.
        """
        path, store = self.folder / name, self.workspace.store
        with self.workspace.storage_errors(), files.new_file(path) as temporary:
            yield temporary
            if store:
                if self._claim:
                    self._claim.check()
                store.upload(f"{self.prefix}{name}", temporary)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process write, and one machine on object storage; others wait."""
        root, store = self.workspace.root, self.workspace.store
        with ExitStack() as held:
            held.enter_context(self.workspace.in_use())
            with self.workspace.storage_errors():
                held.enter_context(locks.alone(self.folder / ".lock", f"score {self.name}"))
            if store:
                claim, waiting = f"score/{self.name}", f"Waiting for another machine: {self.name}"
                self._claim = held.enter_context(claims.held(store, root, claim, waiting))
            self.pull()
            yield


def scores_of(workspace: Workspace, data: str, name: str | None) -> Scores:
    """Return the scores of a name, by default the last part of the path or URL of the images.

    Raises InputError if the name cannot be that of a folder, or by default is that of other images.
    """
    found = Scores(workspace, locate.slug(data) if name is None else name)
    if not _NAME.fullmatch(found.name):
        raise InputError(
            f"{found.name[:60]!r} cannot name scores; expected up to 40 lower-case letters, digits "
            "and hyphens in --name."
        )
    if name is None:
        _check_data(found, data)
    return found


def _check_data(scores: Scores, data: str) -> None:
    sync.pull_file(scores.workspace, f"{scores.prefix}{LATEST}")
    with suppress(OSError, ValueError):
        known = ScoringStatus.model_validate_json((scores.folder / LATEST).read_bytes()).data
        if known != arrivals.place(data):
            raise InputError(
                f"The scores {scores.name} are those of {known}; choose another name with --name, "
                f"or add to them with --name {scores.name}."
            )
