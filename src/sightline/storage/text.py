"""Makes untrusted text safe to print, for spreadsheets and for messages."""

import re
import unicodedata

# Unicode categories: control codes, surrogates, line and paragraph separators
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDIRECTIONAL = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Characters that change the direction of the text after them."""
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9.,]+")
_QUERY = re.compile(r"(://)(?:[^\s/@]*@)?([^\s?#'\"]*)[?#][^\s'\")\]]*")


def printable(text: str) -> str:
    r"""Escape the characters that control a terminal or change the direction of text.

    (`rich.control.escape_control_codes` escapes five codes only, and not ESC.) Returns one line
    with escapes such as `\x1b` or `\u202e`; all other characters are unchanged.
    """
    if text.isprintable():
        return text
    return "".join(
        ascii(character)[1:-1] if _is_unsafe(character) else character for character in text
    )


def quoted(text: object, longest: int = 200) -> str:
    """Return the first line of untrusted text, escaped and shortened to fit in a message."""
    line = str(text).partition("\n")[0]
    shown = printable(line[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def no_formula(text: str) -> str:
    """Return a cell of a CSV file that no spreadsheet computes: with an apostrophe if needed.

    As in "CSV Injection" of OWASP; a number may stay as it is.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def without_queries(text: str) -> str:
    """Return text whose URLs have no query, in which presigned ones have their signature."""
    return _QUERY.sub(r"\1\2?…", text)


def _is_unsafe(character: str) -> bool:
    return (
        unicodedata.category(character) in _CONTROL
        or unicodedata.bidirectional(character) in _BIDIRECTIONAL
    )
