"""What a person sees in the terminal after `sightline train --seeds`."""

from rich.console import Console
from rich.table import Table

from sightline.runs.seeds import SeedSummary


def show(summary: SeedSummary, out: Console) -> None:
    """Print a row a seed, how far they lie apart, and where that is stored."""
    first, *_, last = summary.runs
    out.print(f"Runs {first.run_id} to {last.run_id}", soft_wrap=True, markup=False)
    table = Table("Seed", "Test accuracy", "95 % interval", "Loss", "Seconds")
    for one in summary.runs:
        table.add_row(
            str(one.seed),
            f"{one.test_accuracy:.2%}",
            "{:.2%} to {:.2%}".format(*one.test_accuracy_interval),
            f"{one.test_loss:.4f}",
            f"{one.total_seconds:.1f}",
        )
    out.print(table)
    accuracy, loss = summary.noise.accuracy, summary.noise.loss
    low = max(0.0, accuracy.mean - accuracy.half_width)
    high = min(1.0, accuracy.mean + accuracy.half_width)
    out.print(
        f"Test accuracy: mean [bold]{accuracy.mean:.3%}[/bold], 95 % interval of the mean "
        f"{low:.3%} to {high:.3%}",
        soft_wrap=True,
    )
    out.print(
        f"Spread: standard deviation {100 * accuracy.deviation:.3f} points, from "
        f"{min(accuracy.values):.2%} to {max(accuracy.values):.2%}; in 95 of 100 cases two runs "
        f"differ by at most {100 * min(1.0, accuracy.difference):.3f} points by their seed alone",
        soft_wrap=True,
    )
    out.print(f"Loss: mean {loss.mean:.4f}, standard deviation {loss.deviation:.4f}")
    out.print(f"Noise band: {summary.noise_file}", soft_wrap=True, markup=False)
