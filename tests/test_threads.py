"""The same work on many items: all of them, in order, and no more once something stops it."""

import threading
import time

import pytest

from vis3d.errors import Cancelled
from vis3d.threads import at_once, in_threads


def test_answers_come_in_order():
    def late(item: int) -> int:
        time.sleep(0.002 * (10 - item))
        return item * item

    assert in_threads(late, range(10), threads=4) == [item * item for item in range(10)]


def test_nothing_to_do_is_done_at_once():
    assert in_threads(str, []) == []


def test_cancelling_drops_what_has_not_begun():
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.05)

    def cancel(_fraction: float, _what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        in_threads(work, range(1000), cancel, threads=2)
    assert len(begun) < 20


def test_an_error_is_raised_while_others_still_wait():
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 0:
            raise ValueError("no")
        time.sleep(0.02)

    with pytest.raises(ValueError, match="no"):
        in_threads(work, range(1000), threads=2)
    assert len(begun) < 20


def test_progress_is_told_on_the_callers_thread_and_ends_at_the_whole():
    told: list[tuple[float, str, int]] = []

    def listen(fraction: float, what: str) -> None:
        told.append((fraction, what, threading.get_ident()))

    in_threads(lambda _: time.sleep(0.05), range(8), listen, "Working", threads=2)
    fractions = [fraction for fraction, _, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(fractions) > 1
    assert {(what, thread) for _, what, thread in told} == {("Working", threading.get_ident())}


def test_two_pieces_of_work_are_done_at_once_the_second_on_the_callers_thread():
    met = threading.Barrier(2, timeout=5)  # neither gets past it without the other

    def thread_met() -> int:
        met.wait()
        return threading.get_ident()

    other, own = at_once(thread_met, thread_met)
    assert own == threading.get_ident() != other


def test_an_error_in_a_thread_reaches_who_asked():
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        at_once(fail, lambda: None)
