"""Where sample requests can be asked for, and by whom: the queues and people that are there."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import Group

from accounts import access
from accounts.access import Access
from accounts.models import Team, User
from approvals import kinds, routing
from approvals.commands import steps
from approvals.kinds.base import Kind, Payload
from approvals.models import ApprovalRequest, Policy, PolicyVersion, Queue
from approvals.routing import Facts, Rule, Sums
from approvals.rules import counts_for, may
from demo import organisation
from demo.seeding.contents import MAKERS


class NowhereToAsk(Exception):
    """No queue takes any kind that there is sample content for, from anybody."""


def origin_of(by: Access) -> str:
    return "api" if by.is_service else "page"


@dataclass
class Desk:
    """One queue for one kind. `people` is everybody who can act in it at all."""

    queue: Queue
    kind: Kind
    version: PolicyVersion
    people: list[Access]
    rules: list[Rule] = field(init=False)
    teams: dict[str, dict[str, Group]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.rules = self.version.rules
        self.requesters = [one for one in self.people if may("submit", self.queue, one)]
        self.operators = [
            one
            for one in self.people
            if one.holds("operate_request", self.queue.pk) and not one.is_service
        ]

    def rule_for(self, payload: Payload, by: Access) -> Rule | None:
        """None: the policy doesn't say what this request of this person needs."""
        return routing.route(self.rules, self.facts_of(payload, by))

    def facts_of(self, payload: Payload, by: Access) -> Facts:
        """As if nothing had been asked for before, and no rates were known."""
        amount, currency = self.kind.money(payload)
        once = Sums(1, amount or 0)
        return Facts(
            kind=self.kind.slug,
            amount=amount,
            currency=currency,
            requester_teams=frozenset(member.team for member in by.teams.values()),
            origin=origin_of(by),
            values={} if amount is None else {currency: amount},
            recent=dict.fromkeys(routing.windows(self.rules), once),
        )

    def teams_of(self, rule: Rule) -> dict[str, Group]:
        if rule.name not in self.teams:
            self.teams[rule.name] = steps.teams_of(rule)
        return self.teams[rule.name]

    def deciders(self, item: ApprovalRequest, team_ids: list[int]) -> list[Access]:
        """Who may decide a step of these teams, by the rule that the worker asks before it sends."""
        return [one for one in self.people if counts_for(item, one, team_ids)]


def desks(*, at: datetime) -> list[Desk]:
    """One for each kind, in the order of their slugs. Makes the sample organisation where there is none.

    Raises `NowhereToAsk`.
    """
    if not (Team.objects.exists() or Queue.objects.exists() or Policy.objects.exists()):
        organisation.create(at=at, password=secrets.token_urlsafe(32))
    users = User.objects.filter(is_active=True).order_by("pk")
    people = list(access.of_many(users, Queue).values())
    queues = list(Queue.objects.select_related("policy__live__policy").order_by("pk"))
    found = [_desk(kind, queues, people) for slug, kind in sorted(kinds.all_kinds().items())]
    if not any(found):
        raise NowhereToAsk(
            "No queue with a live policy takes a kind that there is sample content for, from anybody."
        )
    return [desk for desk in found if desk]


def _desk(kind: Kind, queues: list[Queue], people: list[Access]) -> Desk | None:
    """The first that takes this kind from somebody."""
    for queue in queues:
        if kind.slug in queue.kinds and kind.slug in MAKERS and queue.policy.live:
            desk = Desk(queue, kind, queue.policy.live, people)
            if desk.requesters:
                return desk
    return None
