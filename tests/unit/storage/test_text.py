import pytest

from sightline.storage.text import no_formula, quoted, without_queries


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


@pytest.mark.parametrize("text", ["=1+1", "+a", "-cmd|'x'!A", "@sum", "\t=1", "\r=1", "\uff1d1"])
def test_cell_that_a_spreadsheet_would_compute_gets_an_apostrophe(text):
    assert no_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-1", "+2.5", "a=1", "./=a.png"])
def test_other_cells_stay_as_they_are(text):
    assert no_formula(text) == text


def test_urls_lose_their_signature_and_password():
    told = "403 for url: https://me:pass@b.s3.org/a/b?X-Amz-Signature=abc (see http://b/c)"
    assert without_queries(told) == "403 for url: https://b.s3.org/a/b?… (see http://b/c)"
