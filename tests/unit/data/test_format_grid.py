"""Every format in every situation: read with the right values, or refused with what to do."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from grid_formats import FORMATS
from grid_situations import GRID
from reading import ingest
from sightline.data.labelling import class_names
from sightline.errors import DataError

DOCS = Path(__file__).parents[3] / "docs" / "data.md"
IMPOSSIBLE = "-"
SITUATIONS = [situation for rows in GRID.values() for situation in rows]


def outcome_of(situation, name):
    """Return what should happen; None if the format cannot hold such data."""
    needs = {need for need in situation.needs.split(",") if need}
    return situation.others.get(name, situation.outcome) if needs <= FORMATS[name].holds else None


def expected(situation):
    """Return the images that should be read, by split and class name."""
    images = defaultdict(list)
    for one in situation.examples:
        role, seen = situation.roles[one.split], one.image if one.seen is None else one.seen
        if role is not None and one.label is not None and not isinstance(seen, bytes):
            images[role, class_of(one.label)].append(seen)
    return images


def class_of(label):
    if isinstance(label, list):
        return str(label.index(1))
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return class_names.normalize(str(label))


def found(files, root):
    """Return the images that were read, by split and class name; "" if one was set aside."""
    import pandas as pd

    labels = pd.read_parquet(root / files.labels.path)
    is_set_aside = any("set aside" in note for note in files.notes)
    images = defaultdict(list)
    for split, own in labels.groupby("split"):
        array = np.load(root / files.images[split].path)
        for index, name in zip(own["index"], own["class_name"], strict=True):
            images["" if is_set_aside else split, name].append(array[index])
    return images


def by_level(images):
    return sorted(images, key=lambda image: float(image.mean()))


CELLS = [
    pytest.param(name, situation, id=re.sub(r"[^\w]+", "-", f"{name} {situation.name}"))
    for situation in SITUATIONS
    for name in FORMATS
    if outcome_of(situation, name)
]


@pytest.mark.parametrize(("name", "situation"), CELLS)
def test_data_are_read_or_refused_as_the_grid_states(run, tmp_path, name, situation):
    outcome = outcome_of(situation, name)
    path = tmp_path / "data"
    settings = FORMATS[name].write(path, situation.examples)
    if situation.change:
        situation.change(path)
    if outcome.word == "refused":
        with pytest.raises(DataError) as caught:
            ingest(run, path, **settings, **situation.settings)
        assert [fact for fact in outcome.facts if fact not in str(caught.value)] == []
        return
    files = ingest(run, path, **settings, **situation.settings)
    assert [fact for fact in outcome.facts if fact not in " ".join(files.notes)] == []
    assert (outcome.word == "noted") == bool(files.notes), files.notes
    wanted = expected(situation)
    names = situation.classes or tuple(dict.fromkeys(name for _, name in wanted))
    assert files.class_names == names
    images = found(files, run.workspace.root)
    assert images.keys() == wanted.keys()
    for key, own in wanted.items():
        assert len(images[key]) == len(own)
        for image, other in zip(by_level(images[key]), by_level(own), strict=True):
            np.testing.assert_allclose(image.astype(int), other, atol=4)


def table():
    """Return the grid as it should stand in the documentation."""
    lines = []
    for title, situations in GRID.items():
        lines += [f"| {title} | {' | '.join(FORMATS)} |", f"| --- |{' --- |' * len(FORMATS)}"]
        for situation in situations:
            outcomes = [outcome_of(situation, name) for name in FORMATS]
            cells = " | ".join(one.word if one else IMPOSSIBLE for one in outcomes)
            lines.append(f"| {situation.name} | {cells} |")
        lines.append("")
    return "\n".join(lines)


def test_documentation_has_the_grid():
    documented = DOCS.read_text(encoding="utf-8")
    assert table() in documented, f"put this into {DOCS.name}:\n{table()}"
