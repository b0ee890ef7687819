"""The cache policy of the stages: Prefect shows `Cached` only for results that check out."""

from dataclasses import dataclass, field
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext

from sightline.pipeline import cache
from sightline.pipeline.provenance import digest_of
from sightline.pipeline.stages import Stage
from sightline.records import Run


@dataclass
class CheckedEntries(CachePolicy):
    """Looks a stage's result up in Sightline's own cache and checks every file of it.

    Prefect's stored results are never trusted: a hit is written to Prefect's result store
    from the checked entry right before Prefect reads it back, and on a miss nothing is stored.
    Each run has names of its own there: Prefect writes in place, so that a shared one could be
    read half written, and what somebody left under a name of long ago is never met.
    """

    stage: Stage[Any] = field(kw_only=True)

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return the key of a checked result, or None where the stage has to run."""
        run: Run = inputs["run"]
        if run.refresh:
            return None
        key = self.stage.key(*(value for name, value in inputs.items() if name != "run"))
        entry = cache.find(run, self.stage, key)
        if entry is None or entry.made_by == run.token:
            return None
        stored = f"sightline-{self.stage.name}-{key}-{digest_of(run.token)[:16]}"
        task_ctx.result_store.write(key=stored, obj=entry.record)
        return stored
