from typing import Any

import pytest

from sightline.records import DatasetFiles
from sightline.registry import Version
from sightline.registry.gate import preconditions


def test_equal_images_and_classes_are_one_task(files: DatasetFiles, champion: Version) -> None:
    assert preconditions.same_task(files, champion).passed


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"image_shape": (32, 32, 3)}, "32x32x3"),
        ({"class_names": ("d", "c", "b", "a")}, "other names or in another order"),
    ],
)
def test_other_images_or_classes_are_another_task(
    files: DatasetFiles, champion: Version, changed: dict[str, Any], difference: str
) -> None:
    found = preconditions.same_task(files, champion.model_copy(update=changed))
    assert not found.passed
    assert difference in found.sentence
    assert "another data set name" in found.sentence


def test_changed_test_images_fail_unless_they_are_accepted(champion: Version) -> None:
    def same_holdout(sha256: str, *, rebaseline: bool = False) -> Any:
        return preconditions.same_holdout("run-2", sha256, champion, rebaseline=rebaseline)

    found = same_holdout("e" * 64)
    assert not found.passed
    assert "`sightline models promote run-2 --rebaseline --reason ...`" in found.sentence
    assert same_holdout("e" * 64, rebaseline=True).passed
    assert same_holdout(champion.holdout_sha256).passed


def test_champion_itself_is_nothing_to_promote_unless_it_is_rebaselined(champion: Version) -> None:
    assert not preconditions.new_weights("c" * 64, champion, rebaselined=False).passed
    assert preconditions.new_weights("c" * 64, champion, rebaselined=True).passed
    assert preconditions.new_weights("b" * 64, champion, rebaselined=False).passed
