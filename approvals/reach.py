"""Can it ever be approved? With who asked taken out, and who is away, inactive or below the amount.

Somebody counts as away while another covers them: the other may take their seat then.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group

from accounts.access import Access
from approvals.models import Step
from approvals.routing import Rule
from approvals.rules import voices
from approvals.wording import listed, short_name

CURE = "An administrator can add a member or raise a limit."


@dataclass(frozen=True)
class Fresh:
    """A request nobody has decided on, for the rules: with the fields of `rules.Item`."""

    ref: str
    queue_id: int
    amount: int | None
    currency: str
    requester_key: uuid.UUID
    contributor_keys: list[str]
    distinct_people: bool
    decisions_for_revision: list = field(default_factory=list)
    glass_by_id: int | None = None

    @classmethod
    def of(cls, item: Any) -> "Fresh":
        names = cls.__dataclass_fields__.keys() - {"decisions_for_revision", "glass_by_id"}
        return cls(**{name: getattr(item, name) for name in names})


@dataclass(frozen=True)
class Lack:
    """A step that not enough people could approve, and who could."""

    step: Step
    able: list[str]

    @property
    def sentence(self) -> str:
        team, quorum = self.step.team.name, self.step.quorum
        needs = f"{quorum} approval{'s' if quorum > 1 else ''} of {team}"
        who = f"only {listed(self.able)} could give one" if self.able else "nobody could give one"
        return f"Step {self.step.number} needs {needs}, and {who}."


def lacks(item: Any, steps: Sequence[Step], people: Iterable[Access]) -> list[Lack]:
    """The steps of a new revision that could never be closed as things stand; empty: it can be done."""
    fresh, people = Fresh.of(item), list(people)
    away = {covered.person_key for person in people for covered in person.covers}
    able = [_able(fresh, step, people, away) for step in steps]
    found = [
        Lack(step, sorted(short_name(name) for name in names))
        for step, (names, pairs) in zip(steps, able, strict=True)
        if matched(pairs) < step.quorum
    ]
    if found or not item.distinct_people:
        return found
    return _lacks_of_distinct(steps, [names for names, _ in able], [pairs for _, pairs in able])


def steps_of(rule: Rule, teams: Mapping[str, Group]) -> list[Step]:
    """The steps that a rule would lay, for `lacks`; not stored. `teams`: by name, all that it names."""
    return [
        Step(
            number=number,
            team=teams[step.team],
            also_ids=[teams[name].pk for name in step.also],
            quorum=step.quorum,
        )
        for number, step in enumerate(rule.steps, start=1)
    ]


def said(found: Sequence[Lack]) -> list[str]:
    """Sentences for people, with who can cure it; none where nothing lacks."""
    return [*(lack.sentence for lack in found), CURE] if found else []


Pairs = Mapping[uuid.UUID, set]  # what each person could take


def _able(
    item: Fresh, step: Step, people: Iterable[Access], away: set[uuid.UUID]
) -> tuple[set[str], dict[uuid.UUID, set]]:
    """Names of who could approve this step, and by person in whose place."""
    names: dict[uuid.UUID, str] = {}
    pairs: dict[uuid.UUID, set] = {}
    for person in people:
        seats = set() if person.person_key in away else set(voices(item, step, person))
        if seats:
            names.setdefault(person.person_key, person.name)
            pairs.setdefault(person.person_key, set()).update(seats)
    return set(names.values()), pairs


def _lacks_of_distinct(
    steps: Sequence[Step], names: Sequence[set[str]], pairs: Sequence[Pairs]
) -> list[Lack]:
    """Each step alone could be closed; can all of them by different people?"""
    places: dict[uuid.UUID, set] = {}
    wanted = 0
    for step, able, taken in zip(steps, names, pairs, strict=True):
        for person in taken:
            places.setdefault(person, set()).update(
                (step.number, place) for place in range(step.quorum)
            )
        wanted += step.quorum
        if matched(places) < wanted:
            return [Lack(step, sorted(short_name(name) for name in able))]
    return []


def matched(pairs: Pairs) -> int:
    """How many people can take a place each, no place taken twice (augmenting paths)."""
    taken: dict[Any, uuid.UUID] = {}

    def finds_a_place(person: uuid.UUID, tried: set) -> bool:
        for place in pairs[person] - tried:
            tried.add(place)
            if place not in taken or finds_a_place(taken[place], tried):
                taken[place] = person
                return True
        return False

    return sum(finds_a_place(person, set()) for person in pairs)
