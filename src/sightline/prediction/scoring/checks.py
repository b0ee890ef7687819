"""Compare what was scored since the last check with the test images, and remember the result."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sightline.config import MonitoringConfig
from sightline.errors import InputError
from sightline.evaluation import profile_sample
from sightline.evaluation.profile_sample import Sample
from sightline.prediction.scoring import parts
from sightline.prediction.scoring.compare import compare
from sightline.prediction.scoring.place import Scores
from sightline.records import ScoringCheck
from sightline.storage import json_digest

_COLUMNS = (
    *("sha256", "predicted", "probability", "abstained", "error"),
    *("brightness", "contrast", "features"),
)


def read_all(scores: Scores) -> list[ScoringCheck]:
    """Read all checks, the oldest first. Raises InputError if one is damaged."""
    return [_read(path) for path in sorted(scores.folder.glob("_checks/*.json"))]


def store(scores: Scores, check: ScoringCheck) -> None:
    """Write a check, or replace it."""
    with scores.new_file(f"_checks/{check.id}.json") as path:
        path.write_bytes(json_digest.dumps(check.model_dump(mode="json")))


def check_new(
    scores: Scores,
    model: tuple[str, str],
    class_names: Sequence[str],
    tested: Sample | None,
    settings: MonitoringConfig,
) -> ScoringCheck | None:
    """Check the images that were scored since the last check; the caller keeps all others out.

    Fewer than `settings.least_images` wait for more: then there is no check.

    Args:
        model: Its name and the SHA-256 of its file.
        class_names: Its classes in label order.
        tested: The sample that it carries; without one, images are only counted.
    """
    name, sha256 = model
    done = {part for one in read_all(scores) for part in one.parts}
    names = {str(path.relative_to(scores.folder)): path for path in scores.parts()}
    new = {part: path for part, path in names.items() if part not in done}
    counted = _Counted(class_names)
    used = [part for part, path in new.items() if counted.add(path, sha256)]
    if counted.readable < settings.least_images:
        return None
    found = counted.sample() if tested is not None else None
    measures = compare(found, tested, settings) if found is not None and tested is not None else ()
    now = datetime.now(UTC)
    digest = hashlib.sha256("\n".join([sha256, *used]).encode()).hexdigest()[:12]
    check = ScoringCheck(
        id=f"{now:%Y%m%dT%H%M%S%f}-{digest}",
        created=now,
        model=name,
        model_sha256=sha256,
        **counted.totals(),
        parts=tuple(used),
        compared=len(found.predicted) if found is not None else 0,
        measures=measures,
        false_alarm_rate=settings.false_alarm_rate,
    )
    store(scores, check)
    return check


class _Counted:
    """Counts the rows of parts, and keeps a random sample of them."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = tuple(class_names)
        self._counts: Counter[str] = Counter()
        self._classes: Counter[str] = Counter()
        self._confidence = 0.0
        self._kept: Any = None  # The rows of the sample so far

    @property
    def readable(self) -> int:
        return self._counts["images"] - self._counts["failed"]

    def add(self, path: Path, model_sha256: str) -> bool:
        """Add a part; return whether it is of this model."""
        before = self._counts["images"]
        for batch in parts.read([path], model_sha256, [*_COLUMNS]):
            self._counts["images"] += len(batch)
            self._counts["failed"] += len(batch) - batch["error"].null_count
            self._counts["abstained"] += pc.sum(batch["abstained"]).as_py() or 0
            self._classes.update(batch["predicted"].drop_null().to_pylist())
            self._confidence += pc.sum(batch["probability"]).as_py() or 0.0
            rows = pa.table(batch).filter(pc.is_valid(batch["features"]))
            kept = rows if self._kept is None else pa.concat_tables([self._kept, rows])
            self._kept = kept.sort_by("sha256").slice(0, profile_sample.IMAGES)
        return self._counts["images"] > before

    def totals(self) -> dict[str, Any]:
        return {
            **{name: self._counts[name] for name in ("images", "failed", "abstained")},
            "classes": {name: self._classes[name] for name in self._class_names or self._classes},
            "confidence": self._confidence / self.readable,
        }

    def sample(self) -> Sample:
        numbers = pc.index_in(self._kept["predicted"], pa.array(self._class_names))
        columns = [numbers, self._kept["probability"]]
        columns += [self._kept[name] for name in profile_sample.COLUMNS.names[2:]]
        return profile_sample.of_arrow(pa.table(columns, names=profile_sample.COLUMNS.names))


def _read(path: Path) -> ScoringCheck:
    try:
        return ScoringCheck.model_validate_json(json_digest.verify(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a check of scores: {json_digest.reason(error)}. Restore it "
            "from a copy, or remove it to check its images again."
        ) from None
