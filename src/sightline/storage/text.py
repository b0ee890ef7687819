"""Text from outside, made fit for people: no control codes, one line."""

import unicodedata

_OBEYED = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: control codes, half of a surrogate pair, line and paragraph ends."""

_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Characters that turn the direction of what follows, so that it reads as something else."""


def printable(text: str) -> str:
    r"""Escape what a terminal or a page would obey instead of show.

    Args:
        text: Any text: a name of a class, file or run, or a message with one in it.

    Returns:
        The text on one line, with escapes such as `\x1b` or `\u202e`; letters, spaces and signs
        of all scripts stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if _is_obeyed(character) else character for character in text
    )


def _is_obeyed(character: str) -> bool:
    return (
        unicodedata.category(character) in _OBEYED
        or unicodedata.bidirectional(character) in _TURNING
    )


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def quoted(text: object, longest: int = 200) -> str:
    """Return the first line of untrusted text, escaped and shortened to fit in a message.

    Args:
        text: Anything with a string form, such as an exception.
        longest: Most characters to return, plus an ellipsis.
    """
    line = str(text).partition("\n")[0]
    shown = printable(line[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}…"
