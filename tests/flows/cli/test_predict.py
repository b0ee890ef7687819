import json
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import refused, sightline
from command import BIN
from hostile_models import honest_model
from processes import wait_for
from ranges_server import serving
from run_to_predict import RUN_ID, dots, publish, write_pictures

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(autouse=True)
def table(place):
    """A table with an image, beside a run, a folder of images, an array of images."""
    publish(place / "artifacts")
    write_pictures(place / "folder", dots(30))
    np.save("images.npy", dots(600))
    content = (place / "folder" / "0000.png").read_bytes()
    pq.write_table(pa.table({"image": [content]}), "table.parquet", write_page_checksum=True)
    return place / "table.parquet"


def predict(arguments, code=0):
    return sightline(f"predict --model={RUN_ID} {arguments}", code=code)


def refuse(place, arguments):
    """Check that a command is refused without a trace, and return its message."""
    message = refused(f"predict --model={RUN_ID} {arguments}")
    assert leftovers(place) == []
    return message


def leftovers(place):
    return list(place.glob(".*.tmp"))


def test_a_few_images_are_a_table():
    done = predict("folder/0000.png folder/0001.png")
    assert re.search(r"folder/0001\.png +│ (\[bold\]cat\[/bold\]|dog\\u202egod) +│", done.stdout)
    assert "2 images in" in done.stdout
    assert "\u202e" not in done.stdout
    assert done.stderr == ""


def test_latest_run_predicts_before_a_first_promotion_and_is_named_on_standard_error():
    done = sightline("predict folder/0000.png")
    assert f"the latest run, {RUN_ID}" in done.stderr
    assert f"model {RUN_ID}" in done.stdout
    assert sightline("predict folder/0000.png --model latest").stderr == ""
    assert "no champion" in refused("predict folder/0000.png --model champion")


def test_many_images_are_begun_and_counted_with_a_hint():
    done = predict("folder images.npy")
    assert "folder/0019.png" in done.stdout
    assert "folder/0020.png" not in done.stdout
    assert "610 more; --output predictions.parquet writes all" in done.stdout
    assert re.search(r"Class +┃ Images", done.stdout)


def test_output_holds_all_and_replaces_what_was_there(place):
    (place / "out.parquet").write_text("before")
    assert "Predictions: out.parquet" in predict("folder images.npy --output=out.parquet").stdout
    assert pq.read_table("out.parquet").num_rows == 630
    assert leftovers(place) == []


def test_json_is_one_object_with_the_summary():
    done = predict("images.npy --json --abstain-below=1 --output=made/here/t.csv")
    found = json.loads(done.stdout)
    assert (found["images"], found["abstained"], found["failed"]) == (600, 600, 0)
    assert (found["output"], found["model"]) == ("made/here/t.csv", RUN_ID)
    assert len(Path("made/here/t.csv").read_text().splitlines()) == 601
    assert found["predictions"][0]["input"] == "images.npy#0"
    assert found["images_per_second"] > 0


def test_abstained_images_are_marked():
    shown = predict("folder/0000.png --abstain-below=1").stdout
    assert "1 image in" in shown
    assert re.search(r"0000\.png +│ \S+\? +│ +[\d.]+% │ yes", shown), shown


def test_unreadable_image_is_reported_at_the_end_with_exit_code_1(place):
    (place / "folder" / "0003.png").write_bytes(b"no image")
    (place / "folder" / "[red]\x1b[2J.png").write_bytes(b"no image either")
    done = predict("folder --output=out.parquet", code=1)
    assert "2 of 31 images could not be read. First error: folder/0003.png cannot" in done.stderr
    assert "The column `error` has all errors." in done.stderr
    table = pq.read_table("out.parquet")
    assert (table["input"].null_count, table["label"].null_count) == (0, 2)
    done = predict("folder/[red]\x1b[2J.png", code=1)
    assert r"folder/[red]\x1b[2J.png" in done.stdout
    assert "\x1b" not in done.output


def test_image_behind_an_address_is_predicted_and_a_password_in_it_is_not_repeated(place):
    with serving() as server:
        server.files = {"photo.png": (place / "folder" / "0000.png").read_bytes()}
        found = json.loads(predict(f"{server.address}/photo.png --json").stdout)
    assert found["predictions"][0]["input"] == f"{server.address}/photo.png"
    message = refuse(place, "https://me:hunter2@example.org/photo.png")
    assert "holds a password" in message
    assert "hunter2" not in message


def test_inverted_images_are_warned_of_and_predicted():
    np.save("inverted.npy", 255 - dots(50))
    done = predict("inverted.npy --json")
    assert "Warning: The images look inverted" in done.stderr
    assert json.loads(done.stdout)["images"] == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("missing.png", "missing.png does not exist"),
        ("folder missing.npy", "missing.npy does not exist"),
        ("empty", "has no images"),
        ("images.npy --output=x.txt", "expected a name that ends with .parquet or .csv"),
        ("images.npy --output=folder.parquet", "is a folder"),
        ("images.npy --output=file/out.parquet", "cannot be written: File exists"),
        ("images.npy --output=file/deeper/x.parquet", "choose another folder with --output"),
        (f"images.npy --output={'n' * 245}.parquet", "cannot be written: File name too long"),
        (f"images.npy --output={'n' * 300}.parquet", "not a valid path"),
        ("table.parquet --output=table.parquet", "would replace an input"),
        ("images.npy --model=champoin", "sightline models list"),
        ("images.npy --model=nothing.keras", "nothing.keras"),
        ("images.npy --abstain-below=2", "--abstain-below"),
        ("", "Missing argument"),
    ],
)
def test_wrong_use_is_refused_with_one_sentence(place, arguments, message):
    (place / "empty").mkdir()
    (place / "folder.parquet").mkdir()
    (place / "file").touch()
    assert message in refuse(place, arguments)


def test_model_of_another_digest_is_refused_and_nothing_is_written(place):
    honest_model(place / "artifacts" / "runs" / RUN_ID / "model.keras")
    assert "model.keras" in refuse(place, "images.npy --output=out.parquet")
    assert not (place / "out.parquet").exists()


def test_damaged_input_leaves_the_output_as_it_was(place, table):
    content = bytearray(table.read_bytes())
    content[content.index(b"IHDR")] ^= 1
    table.write_bytes(content)
    (place / "out.parquet").write_text("before")
    text = refuse(place, f"images.npy {table} --output=out.parquet")
    assert "table.parquet cannot be read as Parquet" in text
    assert (place / "out.parquet").read_text() == "before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_prediction_leaves_nothing_half_made(place, environment, number):
    np.lib.format.open_memmap("large.npy", "w+", np.uint8, (1_000_000, 28, 28))
    started = subprocess.Popen(
        [BIN / "sightline", "predict", "large.npy", f"--model={RUN_ID}", "--output=out.parquet"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )
    wait_for("the output is begun", lambda: any(path.stat().st_size for path in leftovers(place)))
    started.send_signal(number)
    _, said = started.communicate()
    assert started.returncode == 128 + number
    assert "Interrupted; the output was not written." in said
    assert not (place / "out.parquet").exists()
    assert leftovers(place) == []
