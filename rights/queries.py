"""What pages and the review read of who may do what."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from accounts import grants
from accounts.models import Membership, Team, User
from approvals.deciders import lacks_deciders
from approvals.models import ApprovalRequest, Queue, State
from rights.changes import Change
from rights.models import Proposal, ProposalState
from rights.words import RIGHTS

Holder = Team | User


@dataclass(frozen=True)
class Rights:
    """The rights on one queue, by who holds them: teams by name, then single people."""

    queue: Queue
    held: dict[Holder, set[str]]

    def holders(self, right: str) -> list[Holder]:
        return [holder for holder, rights in self.held.items() if right in rights]


def teams() -> list[Team]:
    return list(Team.objects.order_by("name"))


def on_queues(queues: QuerySet[Queue], called: list[Team] | None = None) -> list[Rights]:
    """Every queue with what was given on it. `called`: the teams, if they were read before."""
    given = grants.given_on(Queue)
    by_id = {team.pk: team for team in (teams() if called is None else called)}
    wanted = {one.user_id for one in given} - {None}
    people = {user.pk: user for user in User.objects.filter(pk__in=wanted).order_by("name", "pk")}
    found: dict[int, dict[Holder, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in given:
        holder = by_id.get(one.team_id) or people.get(one.user_id)
        if holder is not None and one.codename in RIGHTS:
            found[one.object_id][holder].add(one.codename)
    order = [*by_id.values(), *people.values()]
    return [
        Rights(
            queue, {holder: found[queue.pk][holder] for holder in order if found[queue.pk][holder]}
        )
        for queue in queues
    ]


def queues(readable: list[int] | None) -> QuerySet[Queue]:
    """`readable` as `rights.rules.queues_read` says."""
    found = Queue.objects.order_by("name")
    return found if readable is None else found.filter(pk__in=readable)


def people(search: str = "") -> QuerySet[User]:
    """By name, each with `memberships`."""
    seats = Membership.objects.select_related("group").order_by("group__name")
    found = User.objects.prefetch_related(Prefetch("memberships", seats)).order_by("name", "pk")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(email__icontains=search))
    return found


# --- Through what somebody may do something ---------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One person's right on one queue, and what gives it: `team`, or None for a right of their own."""

    person: User
    queue: Queue
    right: str
    team: Team | None
    seat: Membership | None

    @property
    def through(self) -> str:
        return f"as member of {self.team.name}" if self.team else "by a right of their own"


@dataclass
class Organisation:
    """Everybody's rights on some queues, read once."""

    rights: list[Rights]
    seats: dict[int, list[Membership]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, found: QuerySet[Queue]) -> "Organisation":
        read = cls(on_queues(found))
        rows = Membership.objects.select_related("user", "group").order_by("user__name", "user_id")
        for seat in rows:
            read.seats[seat.group_id].append(seat)
        return read

    def ways(self) -> Iterator[Way]:
        """By queue, right, and then by team and name."""
        for on_queue in self.rights:
            for right in RIGHTS:
                for holder in on_queue.holders(right):
                    yield from self._of(holder, on_queue.queue, right)

    def _of(self, holder: Holder, queue: Queue, right: str) -> Iterator[Way]:
        if isinstance(holder, User):
            yield Way(holder, queue, right, None, None)
            return
        for seat in self.seats[holder.pk]:
            yield Way(seat.user, queue, right, holder, seat)


def ways_of(person: User, called: list[Team]) -> list[Way]:
    """What one person may do on all queues. `person` with their `memberships`."""
    seats = {seat.group_id: [seat] for seat in person.memberships.all()}
    for seat in person.memberships.all():
        seat.user = person
    found = Organisation(on_queues(queues(None), called), defaultdict(list, seats))
    return [way for way in found.ways() if way.person.pk == person.pk]


def ways_to(right: str, queue: Queue) -> list[Way]:
    """Everybody who may do this on that queue, by name; one line for each way."""
    found = Organisation.of(Queue.objects.filter(pk=queue.pk)).ways()
    ways = [way for way in found if way.right == right]
    return sorted(ways, key=lambda way: (way.person.name, way.person.pk, way.through))


# --- Proposals --------------------------------------------------------------------------------------


def proposals() -> QuerySet[Proposal]:
    return Proposal.objects.select_related("asked_by", "ended_by")


def waiting() -> QuerySet[Proposal]:
    return proposals().filter(state=ProposalState.OPEN)


@dataclass(frozen=True)
class Effect:
    """What changes would do: who gains and loses which right, and requests left without deciders."""

    gains: list[str]
    losses: list[str]
    stranded_before: int
    stranded_after: int


def effect_of(changes: Iterable[Change]) -> Effect:
    """Tried in a transaction that is rolled back. Raises `Impossible`."""
    with transaction.atomic():
        before, stranded_before = grants.all_held(Queue), _stranded()
        try:
            for change in changes:
                change.carry_out()
            after, stranded_after = grants.all_held(Queue), _stranded()
        finally:
            transaction.set_rollback(True)
    return Effect(
        _in_words(after - before),
        _in_words(before - after),
        stranded_before,
        stranded_after,
    )


def _in_words(held: set[tuple[int, int, str]]) -> list[str]:
    """By name, then by queue."""
    people = dict(User.objects.filter(pk__in={one[0] for one in held}).values_list("pk", "name"))
    called = dict(Queue.objects.values_list("pk", "name"))
    known = [one for one in held if one[2] in RIGHTS]
    lines = sorted(
        (people[user], called[queue], RIGHTS[right].phrase) for user, queue, right in known
    )
    return [f"{person}: {phrase}, on {queue}" for person, queue, phrase in lines]


def _stranded() -> int:
    """Open requests whose step has too few who may decide it."""
    pending = ApprovalRequest.objects.filter(state=State.PENDING)
    return pending.filter(lacks_deciders()).count()
