from sightline.records import DatasetFiles
from sightline.registry import Version
from sightline.registry.gate import preconditions


def test_equal_images_and_classes_are_one_task(files: DatasetFiles, champion: Version) -> None:
    assert preconditions.same_task(files, champion).passed


def test_other_images_are_another_task(files: DatasetFiles, champion: Version) -> None:
    found = preconditions.same_task(files, champion.model_copy(update={"image_shape": (32, 32, 3)}))
    assert not found.passed
    assert found.sentence == (
        "textures-v1 sorts images of 32x32x3 into 4 classes, this model images of 12x12x1 into 4 "
        "classes: no image can be given to both. Train under another name of the data set, which "
        "has models of its own."
    )


def test_classes_of_other_names_are_another_task(files: DatasetFiles, champion: Version) -> None:
    turned = champion.model_copy(update={"class_names": files.class_names[::-1]})
    found = preconditions.same_task(files, turned)
    assert not found.passed
    assert "into 4 classes of other names or in another order: no image" in found.sentence


def test_changed_holdout_says_how_to_measure_anew(champion: Version) -> None:
    found = preconditions.same_holdout("run-2", "e" * 64, champion, rebaseline=False)
    assert not found.passed
    assert "`sightline models promote run-2 --rebaseline --reason ...`" in found.sentence
    anew = preconditions.same_holdout("run-2", "e" * 64, champion, rebaseline=True)
    assert anew.passed
    assert "as demanded, both models were measured on the new ones" in anew.sentence
    same = preconditions.same_holdout("run-2", champion.holdout_sha256, champion, rebaseline=False)
    assert same.passed


def test_champion_itself_is_nothing_to_promote(champion: Version) -> None:
    found = preconditions.another_model("c" * 64, champion, measured_anew=False)
    assert not found.passed
    assert found.sentence.endswith("those of textures-v1: there is nothing to promote.")
    assert preconditions.another_model("c" * 64, champion, measured_anew=True).passed
    assert preconditions.another_model("b" * 64, champion, measured_anew=False).passed
