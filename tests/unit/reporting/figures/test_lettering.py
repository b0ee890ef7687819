import pytest

from sightline.reporting.figures import lettering

ELEPHANTS = ["African elephant (female, 3)", "African elephant (female, 4)", "African elephant"]


def test_name_that_fits_is_left_alone():
    assert lettering.fitted("golden  retriever", 5, 9) == "golden retriever"


@pytest.mark.parametrize("name", ["W" * 40, "i" * 400, "golden retriever", "猫" * 30])
def test_cut_names_fit_and_keep_both_ends(name):
    shown = lettering.fitted(name, 0.8, 9)
    assert lettering.width(shown, 9) <= 0.8
    head, tail = shown.split("…")
    assert name.startswith(head)
    assert name.endswith(tail)
    assert len(head) >= 2


def test_wide_letters_are_cut_earlier_than_narrow_ones():
    assert len(lettering.fitted("W" * 40, 1, 9)) < len(lettering.fitted("i" * 60, 1, 9)) / 2


def test_names_that_differ_at_their_ends_stay_distinct():
    shown = lettering.distinct(ELEPHANTS, 1, 9)
    assert len(set(shown)) == 3
    assert all("…" in one and ":" not in one for one in shown[:2])


def test_names_that_differ_in_the_middle_only_are_numbered():
    shown = lettering.distinct(["a" * 20 + middle + "z" * 20 for middle in "xy"], 1, 9)
    assert [one[:3] for one in shown] == ["0: ", "1: "]
    assert all(lettering.width(one, 9) <= 1 for one in shown)


def test_lines_end_between_words():
    assert lettering.wrapped("golden retriever", 0.8, 8.5) == ["golden", "retriever"]
    rows = lettering.wrapped("black_and_white_colobus", 0.7, 8.5)
    assert rows == ["black_and_", "white_", "colobus"]
    assert lettering.wrapped("", 1, 9) == [""]


def test_words_wider_than_a_line_are_broken_and_nothing_is_lost():
    rows = lettering.wrapped("W" * 12 + " end", 0.5, 8.5, lines=9)
    assert "".join(rows) == "W" * 12 + "end"
    assert all(lettering.width(row, 8.5) <= 0.5 for row in rows)


def test_last_line_is_cut_in_the_middle_if_there_are_too_many():
    rows = lettering.wrapped("one two three four five six seven (last)", 0.5, 8.5, lines=2)
    assert len(rows) == 2
    assert "…" in rows[1]
    assert rows[1].endswith("st)")
