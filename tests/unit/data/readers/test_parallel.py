import threading
import time
from collections.abc import Iterator

import pytest

from sightline.data.readers.parallel import in_order


def test_results_keep_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.01 if number % 7 == 0 else 0)
        return number * 2

    assert list(in_order(slow_first, range(200))) == [number * 2 for number in range(200)]


def test_only_so_many_items_are_drawn_ahead() -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for number in range(1000):
            drawn += 1
            yield number

    results = in_order(str, items())
    next(results)

    assert drawn <= 40
    results.close()


def test_large_results_may_wait_in_smaller_numbers() -> None:
    drawn: list[int] = []
    results = in_order(str, (drawn.append(number) or number for number in range(1000)), 1, 3)
    assert next(results) == "0"
    assert drawn == [0, 1, 2]
    results.close()


def test_error_arrives_in_its_turn_and_no_thread_stays_behind() -> None:
    before = threading.active_count()

    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 / (5 - number), range(100)))

    assert threading.active_count() == before
