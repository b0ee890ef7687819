"""Draw test accuracy against the wall time of fit: the plain script epoch by epoch, and `fast`.

Usage: python benchmarks/picture.py --data-dir DIRECTORY [--output docs/time_to_accuracy.png]

`fast` is trained anew for each of its points, with its learning rate spread over so many images.
One seed; for the comparison of several see time_to_accuracy.py.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
from comparison import answer
from time_to_accuracy import GOAL, HERE, ours

EXAMPLES = (2_700, 5_400, 10_800, 21_600, 43_200)
BLUE, ORANGE = "#0072b2", "#d55e00"
"""Colour-blind readers can tell them apart (Okabe and Ito)."""


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("docs/time_to_accuracy.png"))
    asked = parser.parse_args()
    script = [sys.executable, f"{HERE}/plain_keras.py", str(asked.data_dir), "--watch"]
    found = answer(script)
    seconds = list(itertools.accumulate(found["epoch_seconds"]))
    plain = list(zip(seconds, (100 * one for one in found["epoch_accuracies"]), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        fast = [ours(Path(folder), asked.data_dir, "fast", 0, count) for count in EXAMPLES]
    print("plain", plain, "\nfast", fast)
    draw(asked.output, plain, fast)


def draw(path: Path, plain: list[tuple[float, float]], fast: list[tuple[float, float]]) -> None:
    """Draw both courses; what is missing to 100 % is drawn, on a logarithmic axis."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for points, colour, marker, name in (
        (plain, ORANGE, "s", "the notebook's network and settings, plain Keras, after each epoch"),
        (fast, BLUE, "o", "recipe fast, for more and more images"),
    ):
        times, accuracies = zip(*points, strict=True)
        errors = [100 - accuracy for accuracy in accuracies]
        axes.plot(times, errors, color=colour, marker=marker, label=name)
    axes.axhline(100 - GOAL, color="0.4", linestyle="--", linewidth=1)
    axes.annotate(f"{GOAL} %", (1.05, 100 - GOAL), xytext=(0, 3), textcoords="offset points")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="Wall time of fit, graph building included (s)",
        ylabel="Test accuracy (%)",
        xticks=[1, 2, 5, 10, 20, 50, 100],
        yticks=[1, 2, 5, 10],
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter(lambda error, _: f"{100 - error:g}")
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
