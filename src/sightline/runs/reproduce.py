"""Making a run again from its manifest: what equals, what differs, and what came of it."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sightline.config import DataGateConfig, RunConfig
from sightline.data import locate
from sightline.errors import InputError
from sightline.records import Record, Run, Source
from sightline.records.difference import Measure, RunDifference
from sightline.records.manifest import RunManifest
from sightline.runs import compare, conditions, run_folder, tolerance
from sightline.runs.conditions import Condition
from sightline.runs.tolerance import Tolerance
from sightline.storage.workspace import Workspace

Outcome = Literal["bit for bit", "within the noise", "not reproduced"]

EXIT_CODES: Mapping[Outcome, int] = {"bit for bit": 0, "within the noise": 3, "not reproduced": 4}
"""1 and 2 are those of errors."""

_LONGEST_ID = 120
_MOST_NAMED = 5


class Verdict(Record):
    """What came of making a run again; the object that `--json` prints.

    Attributes:
        run_id: The run.
        again: The run that repeats it.
        outcome: What came of it.
        exit_code: Of the command: 0, 3 or 4.
        sentence: The verdict and its reason, for people.
        conditions: What the result depends on, then and now.
        weights_sha256: Of the run's weights.
        again_sha256: Of the new weights.
        measures: Figures of the test split; a: of the run, b: of its repetition.
        tolerance: Difference of the accuracies that is still noise.
        tolerance_source: What that was taken from.
        fixed: Test images that are newly right; None where that cannot be told.
        broken: Test images that are newly wrong.
        p_value: Of McNemar's exact test, two-sided.
    """

    run_id: str
    again: str
    outcome: Outcome
    exit_code: int
    sentence: str
    conditions: tuple[Condition, ...]
    weights_sha256: str
    again_sha256: str
    measures: tuple[Measure, ...]
    tolerance: float
    tolerance_source: str
    fixed: int | None = None
    broken: int | None = None
    p_value: float | None = None


def find_source(original: RunManifest) -> Source:
    """Find the data that a run was made from.

    Args:
        original: The run.

    Returns:
        The data set's source, whose content is that of then.

    Raises:
        InputError: It is not there any more, or its content changed.
    """
    data, place = original.config.data, original.records.ingest.source
    # The config holds a path as it was given, maybe in another folder; the record, where that was.
    if os.path.isabs(place) and os.path.exists(place):
        data = data.model_copy(update={"dataset": place})
    source = locate.locate(data)
    if source.sha256 != original.source_sha256:
        raise InputError(
            f"The data set {source.path} is not what run {original.run_id} was made from: expected "
            f"SHA-256 {original.source_sha256}, found {source.sha256}. Other data give another "
            "result; bring the data of then back."
        )
    return source


def plan(
    workspace: Workspace,
    original: RunManifest,
    source: Source,
    data_dir: Path | None = None,
    mirror: str | None = None,
) -> tuple[RunConfig, Run]:
    """Plan the run that repeats another one.

    Args:
        original: The run to repeat.
        source: Where its data lie now.
        data_dir: Where local copies of named data sets lie.
        mirror: Base address to download from instead of the public mirrors.

    Returns:
        The config, which promotes nothing and lets data pass that passed then, and the run, which
        makes everything anew.
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
    run_folder.check_new(workspace, run.id)
    config = original.config
    data = config.data
    if source.kind not in {"named", "embedded"}:
        data = data.model_copy(update={"dataset": source.path})
    promotion = config.promotion.model_copy(update={"gate": "off"})
    update = {"data": data, "data_gate": _without_stop(config.data_gate), "promotion": promotion}
    return config.model_copy(update=update), run


def _without_stop(gate: DataGateConfig) -> DataGateConfig:
    """Let the data gate warn only: what it compares the data with, the last run, is another one."""
    limits = {
        name: limit.model_copy(update={"action": "warn"})
        for name, limit in gate
        if limit.action == "fail"
    }
    return gate.model_copy(update=limits)


def judge(workspace: Workspace, original: RunManifest, again: RunManifest) -> Verdict:
    """Say whether a run was reproduced.

    Args:
        original: The run.
        again: The run that repeated it.

    Returns:
        The verdict: equal weights are "bit for bit". Others are "within the noise" if the
        accuracies are, and equal weights were not to be expected: code or environment differ, or
        the training was not to be deterministic.
    """
    found = conditions.between(original, again)
    others = [condition.name for condition in found if not condition.equal]
    equal = again.weights_sha256 == original.weights_sha256
    allowed = tolerance.find(workspace, original, again)
    distance = abs(again.records.evaluate.accuracy - original.records.evaluate.accuracy)
    promised = not others and _is_deterministic(original)
    outcome = decide(equal=equal, promised=promised, within=distance <= allowed.limit)
    difference = compare.compare(workspace, (original, again))
    images = difference.reversals
    return Verdict(
        run_id=original.run_id,
        again=again.run_id,
        outcome=outcome,
        exit_code=EXIT_CODES[outcome],
        sentence=_sentence(outcome, difference, allowed, others, promised=promised),
        conditions=found,
        weights_sha256=original.weights_sha256,
        again_sha256=again.weights_sha256,
        measures=difference.measures,
        tolerance=allowed.limit,
        tolerance_source=allowed.source,
        fixed=images.fixed if images else None,
        broken=images.broken if images else None,
        p_value=images.p_value if images else None,
    )


def decide(*, equal: bool, promised: bool, within: bool) -> Outcome:
    """Decide what came of it.

    Args:
        equal: Whether the weights are equal.
        promised: Whether they had to be: an equal environment and a deterministic training.
        within: Whether the accuracies differ by no more than noise.
    """
    if equal:
        return "bit for bit"
    return "within the noise" if within and not promised else "not reproduced"


def _is_deterministic(run: RunManifest) -> bool:
    """Tell whether equal inputs had to give equal weights; see `training.deterministic`."""
    wanted = run.config.training.deterministic
    return run.records.train.device.startswith("cpu") if wanted is None else wanted


def _sentence(
    outcome: Outcome,
    difference: RunDifference,
    allowed: Tolerance,
    others: Sequence[str],
    *,
    promised: bool,
) -> str:
    a, b = difference.measures[0].a or 0.0, difference.measures[0].b or 0.0
    figures = f"test accuracy {a:.2%} then, {b:.2%} now"
    if outcome == "bit for bit":
        return f"Reproduced bit for bit: the weights are equal; {figures}."
    if promised:
        return (
            "Not reproduced: the weights differ, although data, code and environment are equal and "
            f"the training is deterministic; {figures}."
        )
    why = _named(others) if others else "the training is not deterministic"
    apart, limit = f"{100 * abs(b - a):.2f} points", f"{100 * allowed.limit:.2f}"
    was = "Reproduced within the noise" if outcome == "within the noise" else "Not reproduced"
    return (
        f"{was}: the weights differ ({why}); {figures}, {apart} apart, allowed {limit} by "
        f"{allowed.source}."
    )


def _named(others: Sequence[str]) -> str:
    more = len(others) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"{', '.join(others[:_MOST_NAMED])}{rest} {'differs' if len(others) == 1 else 'differ'}"
