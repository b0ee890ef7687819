import csv
import json
import logging

import pytest
from prefect.settings import PREFECT_API_URL

from cli import refused
from cli import sightline as command
from examples import write_folders
from sightline.experiments import run_folder
from sightline.prediction.active_learning import folder as folders
from sightline.prediction.active_learning.add import LOG, add, read_log
from sightline.prediction.active_learning.records import SuggestedImage, Suggestions
from sightline.prediction.records import ServedModel
from sightline.storage import digests
from sightline.storage.workspace import Workspace
from tiny_run import TINY

CLASSES = ("texture 0", "texture 1")


@pytest.fixture
def data(tmp_path):
    return write_folders(tmp_path / "data", 8, 8, (12, 12, 3))


@pytest.fixture
def to_label(tmp_path):
    """A folder of three images to label."""
    write_folders(tmp_path / "new", 12, 4, (12, 12, 3))
    names = ("texture 0/4.png", "texture 1/5.png", "texture 1/9.png")
    return hand_over(tmp_path / "to-label", [tmp_path / "new" / "train" / name for name in names])


def hand_over(folder, sources, suggested=CLASSES[0]):
    images = tuple(
        SuggestedImage(
            path=str(path),
            sha256=digests.sha256(path),
            suggested=suggested,
            probability=0.5,
            second=CLASSES[1],
            margin=0.1,
            nearest=None,
        )
        for path in sources
    )
    found = Suggestions(
        images=images, class_names=CLASSES, examined=3, unreadable=0, known=0, duplicates=0
    )
    model = ServedModel(name="textures-v3", path="model.keras", sha256="a" * 64)
    folders.write(folder, found, model, 0, "<html></html>")
    return folder


def write_labels(folder, *lines, head="file,suggested,probability,margin,label"):
    (folder / "labels.csv").write_text("\n".join([head, *lines]), encoding="utf-8")


def files(data):
    return sorted(path.relative_to(data).as_posix() for path in data.rglob("*.png"))


def test_labels_of_table_and_folders_become_training_images_once(data, to_label):
    before = files(data)
    write_labels(to_label, "4.png,texture 0,.5,.1,texture 2", "5.png,texture 0,.5,.1,")
    (to_label / "images" / "9.png").rename(to_label / "classes" / "texture 1" / "9.png")
    found = add(to_label, str(data))
    assert found.added == {"texture 1": 1, "texture 2": 1}
    assert (found.present, found.unlabelled) == (0, 1)
    new = sorted(set(files(data)) - set(before))
    assert new == ["train/texture 1/9.png", "train/texture 2/4.png"]
    log = {one.file: one for one in read_log(data)}
    assert sorted(log) == new
    assert log[new[1]].model == "textures-v3"
    assert log[new[1]].source == "to-label/4.png"
    (data / new[0]).unlink()  # it was a bad image
    again = add(to_label, str(data))
    assert (again.added, again.present, again.removed) == ({}, 1, 1)
    assert sorted(set(files(data)) - set(before)) == new[1:]
    assert len(read_log(data)) == 2


def test_file_of_the_same_name_is_kept_and_the_image_gets_another_name(data, to_label):
    mine = data / "train" / "texture 1" / "9.png"
    mine.write_bytes((data / "train" / "texture 1" / "1.png").read_bytes())
    before = digests.sha256(mine)
    write_labels(to_label, "9.png,,,,texture 1")
    assert add(to_label, str(data)).added == {"texture 1": 1}
    assert digests.sha256(mine) == before
    assert len([name for name in files(data) if "texture 1/9-" in name]) == 1


def test_hostile_file_names_are_no_formulas_and_come_back_with_their_labels(data, to_label):
    image = to_label / "images" / "4.png"
    names = ("=cmd|'x'!A.png", "@a.png", ".b.png", "b.png", " c.png ", "d\u2028e.png")
    sources = []
    for number, name in enumerate(names):
        sources.append(to_label.parent / name)
        sources[-1].write_bytes(image.read_bytes() + bytes(number))
    folder = hand_over(to_label.parent / "hostile", sources, "=1+1")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [[*row[:4], "texture 0"] for row in csv.reader(file)]
    assert [cell for row in rows for cell in row if cell[0] in "=+-@. "] == []
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*rows[0][:4], "label"], *rows[1:]])
    assert add(folder, str(data)).added == {"texture 0": len(names)}
    assert add(folder, str(data)).present == len(names)


def test_damaged_table_is_refused_with_its_name(data, to_label):
    write_labels(to_label, f"4.png,,,,{'x' * 200_000}")  # as after a quote that is not closed
    assert "labels.csv cannot be read" in refused(f"labels add {to_label} --dataset {data}")


def test_semicolons_of_a_spreadsheet_are_read(data, to_label):
    write_labels(to_label, "4.png;texture 3", head="\ufefffile;label")
    assert add(to_label, str(data)).added == {"texture 3": 1}


@pytest.mark.parametrize(
    ("line", "moved", "facts"),
    [
        ("4.png,,,,texture 0", "texture 1", ("4.png", "line 2", "'texture 0'", "'texture 1'")),
        ("4.png,,,,hat", None, ("labels.csv, line 2", "'hat'", "--new-class")),
        ("8.png,,,,texture 0", None, ("labels.csv, line 2", "'8.png'")),
        ("4.png,,,,../../x", None, ("labels.csv, line 2", "'../../x'")),
    ],
)
def test_wrong_labels_are_refused_with_file_and_line_before_anything_is_copied(
    data, to_label, line, moved, facts
):
    before = files(data)
    write_labels(to_label, line, "5.png,,,,texture 1")
    if moved:
        (to_label / "images" / "4.png").rename(to_label / "classes" / moved / "4.png")
    message = refused(f"labels add {to_label} --dataset {data}")
    assert [fact for fact in facts if fact not in message] == []
    assert files(data) == before
    assert not (data / LOG).exists()


def test_changed_images_and_later_changes_of_mind_are_refused(data, to_label):
    write_labels(to_label, "4.png,,,,texture 0")
    add(to_label, str(data))
    write_labels(to_label, "4.png,,,,texture 1")
    assert "was added as 'texture 0'" in refused(f"labels add {to_label} --dataset {data}")
    (to_label / "images" / "4.png").write_bytes(b"other")
    assert "not the image that was suggested" in refused(f"labels add {to_label} --dataset {data}")


def test_record_that_names_files_elsewhere_is_refused(data, to_label):
    record = to_label / "suggestions.json"
    record.write_text(record.read_text().replace('"4.png"', '"../4.png"'))
    assert "suggestions.json" in refused(f"labels add {to_label} --dataset {data}")


def test_new_class_is_allowed_by_name_and_other_formats_are_refused(data, to_label, tmp_path):
    write_labels(to_label, "4.png,,,,hat")
    line = f"labels add {to_label} --dataset {data} --new-class hat --json"
    assert json.loads(command(line).stdout)["added"] == {"hat": 1}
    assert (data / "train" / "hat" / "4.png").is_file()
    (tmp_path / "table.csv").write_text("label,a,b,c,d\n0,1,2,3,4\n1,1,2,3,4\n")
    message = refused(f"labels add {to_label} --dataset {tmp_path / 'table.csv'}")
    assert "folder for each class" in message
    assert "labels suggest" in refused(f"labels add {data} --dataset {data}")


def test_one_command_adds_and_trains_with_what_it_added(prefect_api, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    monkeypatch.setattr(logging.getLogger("sightline"), "handlers", [])  # the command adds to them
    data = write_folders(tmp_path / "data", 24, 8, (12, 12, 3))
    (new,) = write_folders(tmp_path / "new", 1, 13, (12, 12, 3)).rglob("12.png")
    to_label = hand_over(tmp_path / "to-label", [new])
    write_labels(to_label, f"12.png,,,,{new.parent.name}")
    settings = [f"--set={one}" for one in (*TINY, "training.epochs=1")]
    given = f"labels add {to_label} --dataset {data} --train --recipe quickstart --json"
    workspace = Workspace(tmp_path / "artifacts")
    done = command(given, f"--artifacts={workspace}", *settings)
    added, trained = map(json.loads, done.stdout.splitlines())
    assert added["added"] == {new.parent.name: 1}
    ingested = run_folder.read(workspace, trained["run_id"]).records.ingest
    assert ingested.images["train"].shape[0] == 25
