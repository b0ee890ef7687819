"""What the result of a run depends on: as the run recorded it, beside what it is now."""

import json
from typing import Any

from pydantic import JsonValue

from sightline.config.flatten import differing, flatten
from sightline.pipeline import provenance
from sightline.records import DeviceReport, Record, Source
from sightline.records.manifest import RunManifest
from sightline.runs import compare

_ONLY_IN_TRAINING = frozenset({"training.deterministic", "training.precision"})
"""Chosen when a training begins: nobody knows them before."""


class Condition(Record):
    """One thing that the result depends on, as recorded and as it is now."""

    name: str
    recorded: JsonValue
    now: JsonValue
    equal: bool


def with_now(
    original: RunManifest, source: Source, device: DeviceReport | None
) -> tuple[Condition, ...]:
    """Compare what a run was made from and by with what is there now, before any training.

    Args:
        original: The run.
        source: The data set's source as it lies there now.
        device: What Keras would compute on; None where that is another machine's.
    """
    training = {"device": device.device, **device.environment} if device else {}
    now = _flat(
        source.sha256,
        provenance.package_digest(),
        provenance.lock_digest(),
        {"pipeline": provenance.environment(), "training": training},
    )
    return tuple(
        condition
        for condition in _side_by_side(_recorded(original), now)
        if condition.name not in _ONLY_IN_TRAINING
        and (device is not None or not condition.name.startswith("training."))
    )


def between(original: RunManifest, again: RunManifest) -> tuple[Condition, ...]:
    """Compare what two runs were made from and by.

    Args:
        original: The run.
        again: The run that repeats it.
    """
    return _side_by_side(_recorded(original), _recorded(again))


def _recorded(run: RunManifest) -> dict[str, str]:
    return _flat(run.source_sha256, run.code_sha256, run.lock_sha256, compare.surroundings(run))


def _flat(data: str, code: str, lock: str | None, surroundings: dict[str, Any]) -> dict[str, str]:
    return dict(flatten({"data": data, "code": code, "lock file": lock, **surroundings}))


def _side_by_side(before: dict[str, str], now: dict[str, str]) -> tuple[Condition, ...]:
    others = {name for name, _, _ in differing(before, now)}
    return tuple(
        Condition(
            name=name,
            recorded=json.loads(before.get(name, "null")),
            now=json.loads(now.get(name, "null")),
            equal=name not in others,
        )
        for name in dict.fromkeys((*before, *now))
    )
