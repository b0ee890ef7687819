"""What all benchmarks share: arguments, processes, measurements in turn and their table."""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sightline.config import RunConfig
    from sightline.records import ArraySet, DatasetFiles, Run, TrainedModel

T = TypeVar("T")
Fit: TypeAlias = "tuple[DatasetFiles, ArraySet, TrainedModel]"

BIN = Path(sys.executable).parent

# The fault benchmarks share helper modules of the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

SHALLOW = (
    "--set=evaluation.robustness_images=0",
    "--set=evaluation.saliency_images=0",
    "--set=evaluation.label_error_threshold=1",
)
"""Options of `sightline train` that skip the evaluation that a plain Keras script does not have."""


def arguments(usage: str | None, **defaults: Any) -> argparse.Namespace:
    """Parse the command line: `--data-dir` and one option per default, of the default's type."""
    parser = argparse.ArgumentParser(
        description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=Path("artifacts/datasets/mnist"))
    for name, default in defaults.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true")
        elif isinstance(default, list):
            parser.add_argument(option, action="append", default=default)
        else:
            parser.add_argument(option, type=type(default), default=default)
    return parser.parse_args()


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder."""
    with tempfile.TemporaryDirectory(
        prefix="sightline-benchmark-",
        ignore_cleanup_errors=True,  # a private server may still write
    ) as folder:
        yield Path(folder)


def run(command: Sequence[str], **environment: str) -> dict[str, Any]:
    """Run a command that prints JSON and return that; exit with its error if it fails."""
    variables = {**os.environ, **environment}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # as `make run` does
    done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def train(
    root: Path, data_dir: Path, *options: str, artifacts: str = "artifacts"
) -> dict[str, Any]:
    """Run `sightline train` without the in-depth evaluation; return its JSON summary."""
    command = [f"{BIN}/sightline", "train", f"--data-dir={data_dir}", *SHALLOW, *options, "--json"]
    return run([*command, f"--artifacts={root / artifacts}"], PREFECT_HOME=f"{root}/prefect")


def server_seconds(root: Path) -> float:
    """Return the CPU seconds so far of the private Prefect server that `train` uses; 0 without."""
    for file in (root / "prefect").rglob("server.json"):
        with suppress(OSError):  # it has ended
            stat = Path(f"/proc/{json.loads(file.read_text())['pid']}/stat").read_text()
            user, system = stat.rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def records(summary: dict[str, Any]) -> Any:
    """Return the outputs of the stages of a run, from its manifest."""
    return json.loads(Path(summary["run_dir"], "manifest.json").read_text())["records"]


def fit(run: "Run", config: "RunConfig", call: Callable[..., Any] | None = None) -> "Fit":
    """Run the stages from ingest to train; `call` calls them, by default in the Keras process."""
    from sightline.data import ingest, locate, preprocess
    from sightline.models.build import BUILD
    from sightline.training.device import prepare_process
    from sightline.training.train import TRAIN

    call = call or prepare_process(config.training).run
    files = ingest.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    blueprint = call(BUILD.function, run, arrays, config.model)
    return files, arrays, call(TRAIN.function, run, arrays, blueprint, config.training)


def in_new_process(function: Callable[..., T], *arguments: Any) -> T:
    """Call a module-level function in a new Python process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


@dataclass
class Comparison:
    """One quantity, measured for Sightline and, in the same rounds, for an alternative."""

    what: str  # The quantity and its unit
    against: str = ""  # The alternative, if there is one
    higher_is_better: bool = False  # Such as for images per second
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Return how many times better Sightline is, round by round."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [ours / theirs if self.higher_is_better else theirs / ours for ours, theirs in pairs]


def in_turn(rounds: int, *measures: Callable[[int], object]) -> None:
    """Call all functions once per round, with its number; the first one changes each round."""
    for number in range(rounds):
        first = number % len(measures)
        for measure in (*measures[first:], *measures[:first]):
            measure(number)


def measure(
    rounds: int,
    rows: list[Comparison],
    ours: Callable[[int], Sequence[float]],
    theirs: Callable[[int], Sequence[float]],
) -> list[Comparison]:
    """Call both in turn; each returns a value per row."""

    def note_theirs(number: int) -> None:
        for row, value in zip(rows, theirs(number), strict=True):
            row.theirs.append(value)

    def note_ours(number: int) -> None:
        for row, value in zip(rows, ours(number), strict=True):
            row.ours.append(value)

    in_turn(rounds, note_theirs, note_ours)
    return rows


def spread(values: Sequence[float]) -> str:
    """Format the median and the range."""
    if not values:
        return ""
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def show(comparisons: Sequence[Comparison]) -> None:
    """Print medians and ranges as a table."""
    table = Table("what", "Sightline", "compared with", "its figure", "times better")
    for row in comparisons:
        ratios = spread(row.ratios()) if row.theirs else ""
        table.add_row(row.what, spread(row.ours), row.against, spread(row.theirs), ratios)
    Console(width=160).print(table)


def print_rows(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows of a Markdown table as soon as they are measured."""
    print("|", " | ".join(head), "|\n|", " | ".join(["---"] + ["---:"] * (len(head) - 1)), "|")
    for row in rows:
        print("|", " | ".join(map(str, row)), "|", flush=True)
