"""Strategies that damage files: what transport, editors and attackers do to bytes."""

from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
"""Integers at which a size or a count goes wrong."""


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Change bytes in up to four places; sometimes in none."""
    data = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(_places(len(data)))
        data = bytearray(draw(_changed(bytes(data), place)))
    return bytes(data)


def _places(size: int) -> st.SearchStrategy[int]:
    """Headers stand at the beginning and directories at the end: go there more often."""
    head, tail = min(size, 64), max(0, size - 96)
    return st.one_of(st.integers(0, head), st.integers(tail, size), st.integers(0, size))


def _changed(data: bytes, place: int) -> st.SearchStrategy[bytes]:
    before, after = data[:place], data[place:]
    bit = st.integers(0, 7).map(lambda number: before + _flip(after, number))
    kinds = st.sampled_from([1, 2, 4, 8]), st.sampled_from(["little", "big"])
    number = st.tuples(st.sampled_from(EXTREMES), *kinds).map(
        lambda drawn: before + _integer(*drawn) + after[drawn[1] :]
    )
    other = st.binary(min_size=1, max_size=16)
    return st.one_of(
        bit,
        number,
        st.just(before),
        other.map(lambda new: before + new + after),
        other.map(lambda new: before + new + after[len(new) :]),
        st.integers(1, 64).map(lambda size: before + after[size:]),
        st.integers(1, 64).map(lambda size: before + after[:size] + after),
        _places(len(data)).map(lambda start: before + data[start : start + 64] + after),
    )


def _flip(data: bytes, bit: int) -> bytes:
    return bytes([data[0] ^ 1 << bit]) + data[1:] if data else data


def _integer(value: int, size: int, order: str) -> bytes:
    return (value % (1 << 8 * size)).to_bytes(size, "little" if order == "little" else "big")


def maybe(right: T, *wrong: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Draw the right value more often than not: one wrong thing at a time goes deepest."""
    return st.integers(0, 3).flatmap(
        lambda drawn: st.one_of(*wrong) if drawn == 3 else st.just(right)
    )
