"""Whoever asks can stop waiting, and a question that hangs costs one thread."""

import threading

import pytest

from approvals.in_time import NoAnswer, Question

pytestmark = pytest.mark.django_db


def test_an_answer_is_given():
    assert Question(lambda: 7, seconds=5).answer() == 7


def test_a_failure_is_no_answer_and_the_next_one_is_asked_again():
    failures = [ValueError("no")]

    def ask() -> str:
        if failures:
            raise failures.pop()
        return "yes"

    question = Question(ask, seconds=5)
    with pytest.raises(NoAnswer) as caught:
        question.answer()
    assert isinstance(caught.value.__cause__, ValueError)
    assert question.answer() == "yes"


def test_while_it_hangs_nobody_asks_a_second_time():
    release, asked = threading.Event(), []

    def ask() -> str:
        asked.append(1)
        release.wait(30)
        return "late"

    hanging = Question(ask, seconds=0.01)
    for _ in range(3):
        with pytest.raises(NoAnswer):
            hanging.answer()
    assert len(asked) == 1
    hanging._seconds = 30
    release.set()
    assert hanging.answer() == "late"
