"""Could the approvals of each rule be given, as people, limits and absences are now? Warnings of a draft.

Asked of the same rule as each request when it comes in (`approvals.reach`): for the smallest amount that
a rule catches, then for larger ones, then for each member of its teams who might ask themselves.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group

from accounts.access import Access
from approvals import reach
from approvals.deciders import candidates
from approvals.models import Policy, Queue
from approvals.policy_lint import Finding
from approvals.routing import Rule
from approvals.wording import listed, money, short_name

NOBODY = uuid.UUID(int=0)


def findings(
    policy: Policy, rules: Sequence[Rule], teams: Mapping[str, Group], *, at: datetime
) -> list[Finding]:
    """One for each rule that cannot be met, or not always. Rules that name no such team are left out.

    `teams`: all that there are, by name.
    """
    names = {name for rule in rules for step in rule.steps for name in step.teams}
    people = candidates([team.pk for name, team in teams.items() if name in names], at)
    queues = sorted(policy.queues.all(), key=lambda queue: queue.name)
    return [
        Finding(number, f"“{rule.name}”: {text}", is_error=False)
        for number, rule in enumerate(rules, start=1)
        if rule.steps and all(name in teams for step in rule.steps for name in step.teams)
        if (text := _Asked(rule, teams, people, queues).worst)
    ]


@dataclass(frozen=True)
class _Asked:
    """What one rule is asked about."""

    rule: Rule
    teams: Mapping[str, Group]
    people: Sequence[Access]
    queues: Sequence[Queue]

    @property
    def worst(self) -> str:
        """The most serious sentence, or ""."""
        amounts = list(self._amounts())
        for amount in amounts:
            if text := self._lack(amount):
                beginning = "" if amount == amounts[0] else f"from {self._money(amount)} on, "
                return f"{beginning}{text}"
        return self._when_members_ask(amounts[0])

    def _amounts(self) -> Iterator[int | None]:
        """The smallest that it catches, and each that is above one more limit."""
        when = self.rule.when
        if "currency" not in when:
            yield None
            return
        low, high = when.get("amount_from", 1), when.get("amount_to")
        yield low
        for limit in sorted(set(self._limits())):
            if limit >= low and (high is None or limit < high):
                yield limit + 1

    def _limits(self) -> Iterator[int]:
        for person in self.people:
            for member in person.teams.values():
                if member.limit_currency == self.rule.when["currency"]:
                    yield member.limit_amount

    def _money(self, amount: int) -> str:
        return money(amount, self.rule.when["currency"])

    def _lack(self, amount: int | None, requester: uuid.UUID = NOBODY) -> str:
        """In the first queue where a quorum cannot be met."""
        for queue in self.queues:
            fresh = reach.Fresh(
                ref="",
                queue_id=queue.pk,
                amount=amount,
                currency=self.rule.when.get("currency", ""),
                requester_key=requester,
                contributor_keys=[],
                distinct_people=self.rule.distinct_people,
            )
            steps = reach.steps_of(self.rule, self.teams)
            if found := reach.lacks(fresh, steps, self.people):
                text = found[0].sentence
                return f"{text[0].lower()}{text[1:]}"
        return ""

    def _when_members_ask(self, amount: int | None) -> str:
        people = {person.person_key: person.name for person in self.people}
        lacks = {key: self._lack(amount, key) for key in people}
        names = sorted(short_name(people[key]) for key, text in lacks.items() if text)
        if len(names) == 1:
            return f"when {names[0]} asks, {''.join(lacks.values())}"
        who = listed(names, last="or")
        return f"when {who} asks, too few are left who could approve it." if names else ""
