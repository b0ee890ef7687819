"""Foreign text in an error message: on one line, without what a terminal would obey, and short."""

from sightline.storage.text import printable

_LONGEST = 200


def quoted(text: object, longest: int = _LONGEST) -> str:
    """Return what a file or a library says, fit to be part of a sentence.

    Args:
        text: Anything; its first line counts.
        longest: Characters at most.

    Returns:
        Printable characters; what a terminal would obey is escaped.
    """
    line = str(text).partition("\n")[0]
    shown = printable(line[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}…"
