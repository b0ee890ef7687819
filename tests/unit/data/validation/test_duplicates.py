import numpy as np

from sightline.data.validation.duplicates import EqualImages, Pairs


def equal(digests: str, splits: str) -> EqualImages:
    return EqualImages(
        np.array(list(digests), "S1"), np.array([int(split) for split in splits], np.int8)
    )


def rows(pairs: Pairs) -> dict[int, int]:
    return dict(zip(pairs.rows.tolist(), pairs.others.tolist(), strict=True))


def test_distinct_images_have_no_duplicates():
    found = equal("abcdef", "000011")
    assert rows(found.within_splits()) == rows(found.across_splits()) == {}
    assert rows(found.with_other_labels(np.arange(6, dtype=np.int16))) == {}
    assert found.repeated.tolist() == []


def test_duplicates_name_the_first_of_their_split():
    found = equal("abcabaaxx", "000011111")
    assert rows(found.within_splits()) == {3: 0, 6: 5, 8: 7}
    assert found.repeated.tolist() == [3, 4, 5, 6, 8]


def test_leaks_name_the_first_training_image():
    found = equal("abaxab", "000111")
    assert rows(found.across_splits()) == {4: 0, 5: 1}


def test_images_that_only_the_test_split_repeats_are_no_leaks():
    assert rows(equal("abcc", "0011").across_splits()) == {}


def test_conflicts_name_an_image_with_another_label_on_both_sides():
    labels = np.array([0, 1, 2, 1, 0, 1, 2], np.int16)
    found = equal("aababba", "0000011").with_other_labels(labels)
    assert rows(found) == {0: 1, 1: 0, 3: 0, 6: 0, 2: 4, 4: 2, 5: 2}


def test_equal_images_of_one_label_are_no_conflict():
    assert rows(equal("aab", "001").with_other_labels(np.array([3, 3, 1], np.int16))) == {}


def test_all_images_equal_is_one_group():
    found = equal("a" * 1000, "0" * 900 + "1" * 100)
    assert rows(found.within_splits()) == {
        **dict.fromkeys(range(1, 900), 0),
        **dict.fromkeys(range(901, 1000), 900),
    }
    assert rows(found.across_splits()) == dict.fromkeys(range(900, 1000), 0)
