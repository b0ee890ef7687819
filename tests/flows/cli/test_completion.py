import re

import pytest
from typer.testing import CliRunner

from excerpts import excerpt, publish
from sightline.flows.cli.main import app

RUN_ID = "20261129T083609Z-mnist-5k-quickstart-b5138c"


CHECKS = [
    f"training.{key}="
    for key in ("clip_norm", "class_weight", "checkpoint_seconds", "checkpoint_steps")
]


def complete(line):
    """Return what bash, which splits words at "=", offers at the end of a line."""
    words = re.split(" |(?==)|(?<==)", line)
    variables = {
        "_SIGHTLINE_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    return CliRunner().invoke(app, [], prog_name="sightline", env=variables).stdout.split()


@pytest.fixture(autouse=True)
def _runs(place):
    publish(place / "artifacts", excerpt(RUN_ID), excerpt("mine"))
    (place / "my.toml").touch()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sightline train --recipe qu", ["quickstart"]),
        ("sightline recipes show tut", ["tutorial"]),
        ("sightline train --recipe my", ["my.toml"]),
        ("sightline train --recipe ./my", []),
        ("sightline train --set training.ep", ["training.epochs=20", "training.epochs="]),
        ("sightline train --set report.m", ["report.mistakes=100", "report.mistakes="]),
        ("sightline train --set training.c", CHECKS),
        ("sightline train --set training.device=", ["auto", "cpu", "gpu"]),
        ("sightline train --set training.seed=1 --set training.device=c", ["cpu"]),
        ("sightline train --set data.dataset=./", []),
        ("sightline train --dataset fash", ["fashion-mnist"]),
        ("sightline train --dataset ./pho", []),
        ("sightline runs show ", ["latest", "mine", "b5138c"]),
        ("sightline runs open b", ["b5138c"]),
        ("sightline runs compare latest 2026", [RUN_ID]),
        ("sightline predict --model c", ["champion", "candidate"]),
        ("sightline predict --model m", ["mine"]),
        ("sightline models show c", ["champion", "candidate"]),
        ("sightline runs show --artifacts elsewhere ", ["latest"]),
    ],
)
def test_names_are_completed(line, offered):
    assert complete(line) == offered


def test_fish_is_offered_the_whole_setting():
    variables = {
        "_SIGHTLINE_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "sightline train --set training.device=c",
    }
    offered = CliRunner().invoke(app, [], prog_name="sightline", env=variables).stdout
    assert offered.split() == ["training.device=cpu"]
