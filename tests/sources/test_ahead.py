"""Items come in order, errors where they belong, and nobody is left waiting."""

import threading

import pytest

from maquette.sources.ahead import ahead


def test_items_come_in_order_and_only_a_few_are_made_before():
    made = []

    def items():
        for k in range(20):
            made.append(k)
            yield k

    coming = ahead(items(), 2)
    assert next(coming) == 0 and len(made) <= 5
    assert [*coming] == list(range(1, 20))


def test_an_error_is_raised_where_the_item_would_have_come():
    def items():
        yield 1
        raise ValueError("torn")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="torn"):
        next(coming)


def test_who_stops_early_stops_the_making():
    before = threading.active_count()
    coming = ahead(iter(int, 1))
    assert next(coming) == 0
    coming.close()
    assert threading.active_count() == before
