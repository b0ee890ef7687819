import re

import pytest

from reported_runs import FILE, with_records
from sightline.config import TrainingConfig, VggConfig
from sightline.records import Layer
from sightline.reporting import phases


def test_phases_say_what_was_trained_and_on_how_many_views(manifest):
    names = ["stem", "group_6", "group_7", "probabilities"]
    layers = tuple(
        Layer(name=name, kind="Conv2D", output_shape=(4,), parameters=1) for name in names
    )
    tuned = manifest.records.build.model_copy(
        update={"layers": layers, "pretrained": FILE, "last_frozen": "group_6"}
    )
    train = manifest.records.preprocess.splits["train"].model_copy(update={"views": 4})
    embed = manifest.records.preprocess.model_copy(update={"splits": {"train": train}})
    said = phases.describe(with_records(manifest, build=tuned, embed=embed))
    assert "“group_6”" in said
    assert re.findall(r" \d ", said) == [" 4 ", " 2 "]
    whole = tuned.model_copy(update={"last_frozen": None})
    assert "pretrained" in phases.describe(with_records(manifest, build=whole))
    assert "random" in phases.describe(manifest)
    changed = manifest.model_copy(
        update={"config": manifest.config.model_copy(update={"model": VggConfig()})}
    )
    assert "“whitening”" in phases.describe(changed)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "constant 0.003"),
        ({"warmup": 0.2}, "constant 0.003, warm-up 2 epochs"),
        ({"schedule": "cosine"}, "cosine from 0.003 to 0"),
        ({"schedule": "linear", "warmup": 0.1}, "linear, peak 0.003 after 1 epoch"),
        ({"schedule": "one-cycle"}, "one-cycle, peak 0.003 after 2.5 epochs"),
        ({"schedule": "one-cycle", "warmup": 0.0}, "one-cycle from 0.003 to 0"),
    ],
)
def test_learning_rate_is_named_by_its_schedule(changes, said):
    settings = {"epochs": 10, "learning_rate": 0.003} | changes
    assert phases.learning_rate(TrainingConfig.model_validate(settings)) == said
