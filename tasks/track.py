"""After publication: record the run in the trackers of the config."""

from sightline.config.tracking import TrackingConfig
from sightline.experiments import run_folder
from sightline.experiments.tracking import tracked_run
from sightline.experiments.tracking.trackers import Trackers
from sightline.records import Record, RunSummary
from sightline.storage.workspace import Workspace
from sightline.tasks.base import uncached_task


class Tracked(Record):
    """What the trackers do not have."""

    failures: tuple[str, ...]  # Sentences


@uncached_task("track")
def track(workspace: Workspace, settings: TrackingConfig, summary: RunSummary) -> Tracked:
    """Record a published run; a tracker that fails costs a sentence."""
    manifest = run_folder.read(workspace, summary.run_id)
    tracked = tracked_run.of_run(workspace, manifest, summary.promotion)
    with Trackers(workspace, settings) as trackers:
        return Tracked(failures=trackers.record(tracked))
