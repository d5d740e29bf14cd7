"""The sample organisation: people, teams with hours, queues with rights, live policies."""

from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

from accounts import grants
from accounts.models import Membership, Team, User
from approvals.commands.policies import load_policy, read_policy_file
from approvals.models import Policy, Queue

POLICIES = Path(__file__).parent / "policies"


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    team: str = ""
    zone: str = "UTC"
    is_lead: bool = False
    is_admin: bool = False
    is_service: bool = False
    limit: int | None = None


PEOPLE = [
    Person("ops@demo.test", "Eleni Markou", "Operations", "Europe/Athens", is_lead=True),
    Person("ops2@demo.test", "Mercy Okafor", "Operations", "Europe/London"),
    Person("finance1@demo.test", "Ines Weber", "Finance", "Europe/Berlin", is_lead=True),
    Person("finance2@demo.test", "Lars Sand", "Finance", "Europe/Berlin"),
    Person("finance3@demo.test", "Priya Roy", "Finance", "Europe/Berlin", limit=200_000),
    Person("support@demo.test", "Sofia Berg", "Support", "Europe/Lisbon"),
    Person("support2@demo.test", "Kemi Oyelaran", "Support", "Europe/London"),
    Person("webshop@demo.test", "Webshop", "Support", is_service=True),
    Person("auditor@demo.test", "Anton Vogel", "Audit", "Europe/Berlin"),
    Person("admin@demo.test", "Ada Lindqvist", zone="Europe/Stockholm", is_admin=True),
    Person("admin2@demo.test", "Bruno Costa", zone="Europe/Lisbon", is_admin=True),
]
SIGN_INS = [
    ("ops@demo.test", "operations lead"),
    ("finance1@demo.test", "finance approver"),
    ("finance2@demo.test", "finance approver"),
    ("support@demo.test", "support agent"),
    ("auditor@demo.test", "auditor"),
    ("admin@demo.test", "administrator"),
]
TEAMS = {
    "Operations": ("Europe/Athens", time(8), time(22), "0123456"),
    "Finance": ("Europe/Berlin", time(8, 30), time(17, 30), "01234"),
    "Support": ("Europe/Lisbon", time(7), time(22), "0123456"),
    "Audit": ("Europe/Berlin", time(9), time(17), "01234"),
}
QUEUES = {
    "refunds": ("Refunds", ["refund"], "refunds"),
    "account-changes": ("Account changes", ["account_change", "manual"], "account-changes"),
}
RIGHTS = {
    "Operations": (
        "view_queue operate_request submit_request answer_request",
        {"account-changes": "decide_request", "refunds": "break_glass"},
    ),
    "Finance": ("view_queue", {"refunds": "decide_request"}),
    "Support": ("submit_request answer_request", {}),
    "Audit": ("view_queue audit_queue", {}),
}


def create(*, at: datetime, password: str) -> dict[str, User]:
    """Everybody and everything, by e-mail address. Safe to repeat: it only adds and sets passwords."""
    for policy in sorted(POLICIES.glob("*.toml")):
        load_policy(**read_policy_file(policy), at=at)
    teams = {name: _team(name) for name in TEAMS}
    for slug, (name, kinds, policy) in QUEUES.items():
        Queue.objects.get_or_create(
            slug=slug,
            defaults={"name": name, "kinds": kinds, "policy": Policy.objects.get(slug=policy)},
        )
    for name, (everywhere, somewhere) in RIGHTS.items():
        for queue in Queue.objects.filter(slug__in=QUEUES):
            for right in f"{everywhere} {somewhere.get(queue.slug, '')}".split():
                grants.give(right, to=teams[name], on=queue)
    people = {person.email: _person(person, teams, password) for person in PEOPLE}
    for queue in Queue.objects.filter(slug__in=QUEUES):
        for right in ("view_queue", "manage_policy"):
            for admin in ("admin@demo.test", "admin2@demo.test"):
                grants.give(right, to=people[admin], on=queue)
    return people


def _team(name: str) -> Team:
    zone, opens_at, closes_at, work_days = TEAMS[name]
    team, _ = Team.objects.get_or_create(
        name=name,
        defaults={
            "time_zone": zone,
            "opens_at": opens_at,
            "closes_at": closes_at,
            "work_days": work_days,
        },
    )
    return team


def _person(person: Person, teams: dict[str, Team], password: str) -> User:
    user = User.objects.filter(email=person.email).first() or User(
        email=person.email,
        name=person.name,
        time_zone=person.zone,
        is_staff=person.is_admin,
        is_superuser=person.is_admin,
        is_service=person.is_service,
    )
    if person.is_service:
        user.set_unusable_password()
        user.save()
    elif not user.pk or not user.check_password(password):
        user.set_password(password)
        user.save()
    if person.team:
        Membership.objects.get_or_create(
            user=user,
            group=teams[person.team],
            defaults={
                "is_lead": person.is_lead,
                "limit_amount": person.limit,
                "limit_currency": "EUR" if person.limit is not None else "",
            },
        )
    return user
