import pytest

from sightline.storage.text import quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, even \u00e9", "plain, even \u00e9"),
        ("first\nsecond", "first"),
        ("\x1b[31mred\u2028", "\\x1b[31mred\\u2028"),
        ("x" * 300, "x" * 200 + "\u2026"),
        ("x" * 200, "x" * 200),
        (ValueError("a\tb"), "a\\tb"),
    ],
)
def test_foreign_text_becomes_one_short_printable_line(text, expected):
    assert quoted(text) == expected
