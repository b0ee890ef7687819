"""After a scoring: check what is new, take labels, and say how the model does."""

from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from sightline.config import MonitoringConfig
from sightline.prediction.records import ServedModel
from sightline.prediction.scoring import checks, labels, model_profile
from sightline.prediction.scoring.model_profile import Carried
from sightline.prediction.scoring.place import LATEST, PAGE, Scores
from sightline.records import LiveAccuracy, ScoringCheck, ScoringStatus
from sightline.records.manifest import RunManifest
from sightline.reporting import monitoring_page


class Drift(NamedTuple):
    """A drift that started, of which nobody was told yet."""

    check: ScoringCheck
    manifest: RunManifest  # Of the run of the model


def monitor(
    scores: Scores,
    data: str,
    model: ServedModel,
    label_table: Path | None = None,
    false_alarm_rate: float | None = None,
) -> ScoringStatus:
    """Check what a model scored since the last check, and write the page and the status.

    As long as there are too few images, they wait. The settings are those of
    the model's run, but for the rate. Raises InputError if a file of the model or of the scores is
    damaged, and DataError for the table of labels.
    """
    carried = model_profile.carried_by(scores.workspace, model)
    settings = carried.manifest.config.monitoring if carried else MonitoringConfig()
    if false_alarm_rate is not None:
        settings = settings.model_copy(update={"false_alarm_rate": false_alarm_rate})
    named = model.short_name, model.sha256
    with scores.alone():
        if label_table is not None:
            labels.add(scores, label_table, data)
        tested = carried.sample if carried else None
        checks.check_new(scores, named, _class_names(model, carried), tested, settings)
        live = labels.live_accuracy(scores, named, carried.manifest) if carried else None
        return _publish(scores, data, model, live)


def _class_names(model: ServedModel, carried: Carried | None) -> tuple[str, ...]:
    """Return the classes of a model; those of one that is only a file are not known here."""
    if carried:
        return carried.manifest.records.ingest.class_names
    return model.metadata.class_names if model.metadata else ()


def _publish(
    scores: Scores, data: str, model: ServedModel, live: LiveAccuracy | None
) -> ScoringStatus:
    """Write the page, if there is a check of the model, and the status."""
    history = checks.read_all(scores)
    own = [check for check in history if check.model_sha256 == model.sha256]
    status = ScoringStatus(
        name=scores.name,
        data=data,
        created=datetime.now(UTC),
        model=model.short_name,
        images=sum(check.images for check in own),
        drift=bool(own) and own[-1].drift,
        drift_since=lasting[0].created if (lasting := _lasting(own)) else None,
        measures=own[-1].measures if own else (),
        live=live,
        page=str(scores.folder / PAGE) if own else "",
    )
    if own:
        with scores.new_file(PAGE) as path:
            path.write_text(monitoring_page.render(status, history), encoding="utf-8")
    with scores.new_file(LATEST) as path:
        path.write_text(status.model_dump_json(indent=1), encoding="utf-8")
    return status


def untold(scores: Scores, model: ServedModel) -> Drift | None:
    """Return the drift of a model that lasts, unless `tell` was called of it."""
    carried = model_profile.carried_by(scores.workspace, model)
    own = [one for one in checks.read_all(scores) if one.model_sha256 == model.sha256]
    lasting = _lasting(own)
    if carried is None or not lasting or any(one.event_sent for one in lasting):
        return None
    return Drift(lasting[0], carried.manifest)


def _lasting(own: list[ScoringCheck]) -> list[ScoringCheck]:
    """Return the last checks of a model if they all show drift, from the one in which it started.

    Nothing of it is stored, since a damaged check may be removed.
    """
    return [*takewhile(lambda one: one.drift, reversed(own))][::-1]


def tell(scores: Scores, drift: Drift) -> None:
    """Remember that others were told of a drift."""
    with scores.alone():
        checks.store(scores, drift.check.model_copy(update={"event_sent": True}))
