import json

import pytest

from cli import refused, sightline
from run_to_predict import RUN_ID, dots, publish, write_pictures

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(autouse=True)
def inbox(place):
    publish(place / "artifacts")
    write_pictures(place / "inbox", dots(60))


def test_scores_are_summarized_once_and_known_the_next_time(place):
    (place / "inbox" / "0003.png").write_bytes(b"no image")
    shown = sightline(f"score inbox --model={RUN_ID} --abstain-below=0.9")
    assert "60 new images scored by" in shown.stdout
    assert "1 unreadable" in shown.stdout
    assert "0003.png cannot be read" in shown.stderr
    assert "not compared" in shown.stdout
    found = json.loads(sightline(f"score inbox --model={RUN_ID} --json").stdout)
    assert (found["scored"]["images"], found["scored"]["known"]) == (0, 60)
    assert found["status"]["images"] == 60
    write_pictures(place / "other" / "inbox", dots(1))
    asked = f"score other/inbox --model={RUN_ID}"
    assert "--name inbox" in refused(asked), "file names would be ambiguous"
    sightline(f"{asked} --name=inbox")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("nowhere", "nowhere does not exist"),
        ("inbox --name=../runs", "--name"),
        ("inbox --labels=missing.csv", "missing.csv"),
        ("s3://bucket/a?b", "s3://"),
    ],
)
def test_wrong_use_is_refused_in_a_sentence(arguments, named):
    assert named in refused(f"score {arguments} --model={RUN_ID}")
