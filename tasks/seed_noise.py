"""After the last seed: how far the results lie apart, stored and shown."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sightline.records import Run
from sightline.runs import seeds
from sightline.runs.seeds import SeedSummary
from sightline.tasks.display import display_only, show_table


@task(
    name="measure",
    timeout_seconds=600,
    cache_policy=NO_CACHE,  # a few files are read
    persist_result=False,
    result_serializer="json",
)
def measure(run: Run, run_ids: tuple[str, ...]) -> SeedSummary:
    """Measure and store the noise band of some runs, and show it in Prefect."""
    summary = seeds.measure(run.workspace, run_ids)
    with display_only():
        _show(summary)
    return summary


def _show(summary: SeedSummary) -> None:
    rows = [
        {
            "run": one.run_id,
            "seed": one.seed,
            "accuracy": f"{one.test_accuracy:.2%}",
            "95 % interval": "{:.2%} to {:.2%}".format(*one.test_accuracy_interval),
            "loss": round(one.test_loss, 4),
        }
        for one in summary.runs
    ]
    accuracy = summary.noise.accuracy
    description = (
        f"{summary.dataset}, {summary.recipe}: mean {accuracy.mean:.3%}, standard deviation "
        f"{100 * accuracy.deviation:.3f} points over {len(rows)} seeds"
    )
    show_table(rows, key="seed-noise", description=description)
