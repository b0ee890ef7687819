"""After the last seed: measure, store and show the spread of the results."""

from sightline.experiments import seeds
from sightline.experiments.seeds import SeedSummary
from sightline.records import Run
from sightline.tasks.artifacts import about, show_table
from sightline.tasks.base import uncached_task


@uncached_task("seed-noise")
def measure(run: Run, run_ids: tuple[str, ...]) -> SeedSummary:
    """Measure and store the noise band of some runs, and show it in Prefect."""
    summary = seeds.measure(run.workspace, run_ids)
    about(summary.dataset)
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
    return summary
