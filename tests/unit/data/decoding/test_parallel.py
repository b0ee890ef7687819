import threading
import time

import pytest

from sightline.data.decoding.parallel import ordered_map


def test_results_keep_the_order_of_the_items():
    def slow_first(number):
        time.sleep(0.01 if number % 7 == 0 else 0)
        return number * 2

    assert list(ordered_map(slow_first, range(200))) == [number * 2 for number in range(200)]


@pytest.mark.parametrize(("options", "most"), [({}, 40), ({"batch_size": 1, "ahead": 3}, 3)])
def test_only_a_few_items_are_drawn_ahead(options, most):
    items = iter(range(1000))
    results = ordered_map(str, items, **options)
    assert next(results) == "0"
    assert next(items) <= most  # the next item is the number of those drawn
    results.close()


def test_error_arrives_in_its_turn_and_no_thread_stays_behind():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(ordered_map(lambda number: 1 / (5 - number), range(100)))
    assert threading.active_count() == before
