"""What is published of the headers of commands is what is taken."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from approvals.api.openapi import IF_MATCH, KEY
from approvals.api.problems import Problem
from approvals.api.verbs import seen
from approvals.commands.idempotency import normalised_key
from approvals.refusals import KeyMalformed

ANYTHING = st.text(st.characters(codec="latin-1"))
LIKELY = st.text(alphabet='"\\,ab ~!\x7f\xa0', max_size=8)
TAGS = st.lists(st.sampled_from(['"7"', 'W/"7"', '""', '"a"', "*", ",", " ", "\t", "7", "\xa0"]))
LONG = st.builds("{1}{0}{1}".format, st.text("a,\\", max_size=260), st.sampled_from(["", '"']))


@given(LIKELY | LONG | ANYTHING)
@example('""')
@example('"')
@example('"a,b"')
@example("a,b")
@example("a" * 256)
@example('"' + '\\"' * 255 + '"')
def test_what_is_published_of_keys_is_the_rule(header: str) -> None:
    assert is_published(KEY, header) == is_a_key(header)


@given(TAGS.map("".join) | ANYTHING)
@example("*")
@example('"7" ,\tW/"8"')
@example('"1",')
@example('"1"\xa0')
def test_what_is_published_of_versions_is_the_rule(header: str) -> None:
    header = header.strip(" \t")  # as every server does
    assert is_published(IF_MATCH, header) == names_versions(header)


@pytest.mark.parametrize("parameter", [KEY, IF_MATCH], ids=lambda one: one["name"])
def test_the_examples_are_as_published(parameter: dict) -> None:
    assert all(is_published(parameter, header) for header in parameter["schema"]["examples"])


def is_published(parameter: dict, header: str) -> bool:
    return bool(re.fullmatch(parameter["schema"]["pattern"], header))


def is_a_key(header: str) -> bool:
    try:
        return bool(normalised_key(header))
    except KeyMalformed:
        return False


def names_versions(header: str) -> bool:
    try:
        seen(header)
    except Problem:
        return False
    return True
