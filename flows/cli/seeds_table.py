"""The table that `sightline train --seeds N` prints."""

from rich.console import Console

from sightline.experiments.seeds import SeedSummary
from sightline.flows.cli import console


def show(summary: SeedSummary, out: Console) -> None:
    """Print one row per seed, their spread, and the path of the noise band."""
    first, *_, last = summary.runs
    out.print(f"Runs {first.run_id} to {last.run_id}", soft_wrap=True, markup=False)
    rows = [
        (
            str(one.seed),
            f"{one.test_accuracy:.2%}",
            console.percent(one.balanced_accuracy),
            "{:.2%} to {:.2%}".format(*one.test_accuracy_interval),
            f"{one.test_loss:.4f}",
            f"{one.total_seconds:.1f}",
        )
        for one in summary.runs
    ]
    columns = ("Seed", "Test accuracy", "Balanced", "95 % interval", "Loss", "Seconds")
    out.print(console.table(columns, rows, wide=[2, 5]))
    accuracy, loss = summary.noise.accuracy, summary.noise.loss
    low = max(0.0, accuracy.mean - accuracy.half_width)
    high = min(1.0, accuracy.mean + accuracy.half_width)
    out.print(
        f"Test accuracy: mean [bold]{accuracy.mean:.3%}[/bold], 95 % interval of the mean "
        f"{low:.3%} to {high:.3%}\n"
        f"Spread: standard deviation {100 * accuracy.deviation:.3f} points, range "
        f"{min(accuracy.values):.2%} to {max(accuracy.values):.2%}. In 95 of 100 cases, two runs "
        f"that differ only in their seed differ by at most "
        f"{100 * min(1.0, accuracy.difference):.3f} points.\n"
        f"Loss: mean {loss.mean:.4f}, standard deviation {loss.deviation:.4f}",
        soft_wrap=True,
    )
    out.print(f"Noise band: {summary.noise_file}", soft_wrap=True, markup=False)
