"""Reproduces a run from its manifest, and decides whether the result is the same."""

import math
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sightline.config import Loss, RunConfig
from sightline.data import locate
from sightline.errors import InputError
from sightline.experiments import compare, new_run, seed_noise
from sightline.records import Evaluation, Record, Run, Source
from sightline.records.difference import RunDifference
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

Outcome = Literal["bit for bit", "within the noise", "not reproduced"]

EXIT_CODES: Mapping[Outcome, int] = {"bit for bit": 0, "within the noise": 3, "not reproduced": 4}
"""1 and 2 are taken by errors."""

_LONGEST_ID = 120
_MOST_NAMED = 5


class Reproduction(Record):
    """The outcome of a reproduction; the object that `--json` prints."""

    run_id: str  # The original run, A in the difference
    again: str  # The run that reproduces it, B in the difference
    outcome: Outcome
    exit_code: int
    sentence: str
    tolerance: float  # Difference in accuracy that is still noise, in [0, 1]
    tolerance_source: str  # How that is known
    difference: RunDifference


def find_source(original: RunManifest) -> Source:
    """Find the data of a run; raise InputError if it no longer exists or changed."""
    data = locate.as_ingested(original.config.data, original.records.ingest.source)
    source = locate.locate(data)
    if source.sha256 != original.source_sha256:
        raise InputError(
            f"The data set {source.path} changed since run {original.run_id}: expected SHA-256 "
            f"{original.source_sha256}, found {source.sha256}. Restore the original data."
        )
    return source


def plan(
    workspace: Workspace,
    original: RunManifest,
    source: Source,
    data_dir: Path | None = None,
    mirror: str | None = None,
) -> tuple[RunConfig, Run]:
    """Plan the run that reproduces another run; the arguments are as in `Run`.

    The config promotes nothing and its data gate only warns; the run ignores the cache.
    """
    suffix = f"-again-{secrets.token_hex(3)}"
    run = Run(
        id=original.run_id[: _LONGEST_ID - len(suffix)] + suffix,
        workspace=workspace,
        data_dir=data_dir,
        mirror=mirror,
        refresh=True,
        repeats=original.run_id,
    )
    new_run.check_new(workspace, run.id)
    config = original.config
    path = {} if source.kind in {"named", "embedded"} else {"dataset": source.path}
    # The last run that the data gate compares with is another one now.
    warn = {"action": "warn"}
    limits = {
        name: limit.model_copy(update=warn | ({"fail_above": 1} if type(limit) is Loss else {}))
        for name, limit in config.data_gate
        if limit.action != "off"
    }
    changed = {
        "data": config.data.model_copy(update=path),
        "data_gate": config.data_gate.model_copy(update=limits),
        "promotion": config.promotion.model_copy(update={"gate": "off"}),
    }
    return config.model_copy(update=changed), run


def check(workspace: Workspace, original: RunManifest, again: RunManifest) -> Reproduction:
    """Decide whether a run was reproduced.

    Other weights with an accuracy within the tolerance are "within the noise", unless data, code
    and environment are equal and the training is deterministic: then they had to be equal.
    """
    difference = compare.compare(workspace, (original, again))
    equal = {row.name: row.equal for row in difference.provenance}
    differing = [name for name in ("data", "code", "lock file") if not equal[name]]
    differing += [row.key for row in difference.environment]
    deterministic = original.config.training.deterministic
    if deterministic is None:
        deterministic = original.records.train.device.startswith("cpu")
    must_equal = deterministic and not differing
    tolerance, source = _tolerance(workspace, original, again)
    a, b = (run.records.evaluate.accuracy for run in (original, again))
    allowed = f"{100 * tolerance:.2f} points by {source}"
    if equal["weights"]:
        outcome: Outcome = "bit for bit"
    elif abs(b - a) <= tolerance and not must_equal:
        outcome = "within the noise"
    else:
        outcome = "not reproduced"
    return Reproduction(
        run_id=original.run_id,
        again=again.run_id,
        outcome=outcome,
        exit_code=EXIT_CODES[outcome],
        sentence=_sentence(outcome, (a, b), allowed, differing, must_equal=must_equal),
        tolerance=tolerance,
        tolerance_source=source,
        difference=difference,
    )


def _tolerance(
    workspace: Workspace, original: RunManifest, again: RunManifest
) -> tuple[float, str]:
    """Return how far the accuracies may differ by chance, in [0, 1], and how that is known."""
    band = seed_noise.band_of(workspace, original)
    if band is not None:
        return band.accuracy.difference, f"the seed noise of {len(band.seeds)} seeds"
    limit = combined_half_width(original.records.evaluate, again.records.evaluate)
    return limit, "the combined 95% interval of both, since no seed noise was measured"


def combined_half_width(a: Evaluation, b: Evaluation) -> float:
    """Return how far two equally good accuracies may differ by chance, in [0, 1].

    R. G. Newcombe, "Interval estimation for the difference between independent proportions"
    (1998), method 10: the limit that is nearer to zero.
    """
    low, high = sorted((a, b), key=lambda evaluation: evaluation.accuracy)
    return math.hypot(
        high.accuracy - high.accuracy_interval[0], low.accuracy_interval[1] - low.accuracy
    )


def _sentence(
    outcome: Outcome,
    accuracies: tuple[float, float],
    allowed: str,
    differing: Sequence[str],
    *,
    must_equal: bool,
) -> str:
    a, b = accuracies
    figures = f"test accuracy {a:.2%} originally, {b:.2%} now"
    if outcome == "bit for bit":
        return f"Reproduced bit for bit: the weights are equal; {figures}."
    if must_equal:
        return (
            "Not reproduced: the weights differ, although data, code and environment are equal and "
            f"the training is deterministic; {figures}."
        )
    start = "Not reproduced" if outcome == "not reproduced" else "Reproduced within the noise"
    reason = _named(differing) if differing else "the training is not deterministic"
    return (
        f"{start}: the weights differ ({reason}); {figures}, a difference of "
        f"{100 * abs(b - a):.2f} points; allowed are {allowed}."
    )


def _named(differing: Sequence[str]) -> str:
    more = len(differing) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    verb = "differs" if len(differing) == 1 else "differ"
    return f"{', '.join(differing[:_MOST_NAMED])}{rest} {verb}"
