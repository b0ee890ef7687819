import pytest
from typer.testing import CliRunner

from excerpts import excerpt, publish
from sightline.flows.cli.main import app

RUN_ID = "20261129T083609Z-mnist-5k-quickstart-b5138c"


def complete(line):
    """Return what the shell offers at the end of a line."""
    words = len(line.split()) - (not line.endswith(" "))
    variables = {
        "_SIGHTLINE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(words),
    }
    return CliRunner().invoke(app, [], prog_name="sightline", env=variables).stdout.split()


@pytest.fixture(autouse=True)
def _runs(place):
    publish(place / "artifacts", excerpt(RUN_ID), excerpt("mine"))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sightline train --recipe qu", ["quickstart"]),
        ("sightline recipes show tut", ["tutorial"]),
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
