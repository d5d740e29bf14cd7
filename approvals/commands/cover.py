"""Cover: for a while, somebody decides in the place of another, under their own name."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from accounts import access
from accounts.access import Access
from accounts.models import Cover, User
from approvals.commands.frame import Answer
from approvals.commands.managed import Changed, managed
from approvals.models import Queue
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from approvals.rules import may
from approvals.wording import clock, short_name
from audit.recorder import Target, record

LONGEST = timedelta(days=92)


def set_cover(
    *,
    person: int,
    deputy: int,
    queues: Iterable[int],
    starts_at: datetime,
    ends_at: datetime,
    by: User,
    at: datetime,
    key: str,
) -> Answer:
    """`deputy` may decide in the place of `person` on `queues` from `starts_at` to `ends_at`.

    People set it for themselves, leads for members of their team. Raises a `Refusal`.
    """
    wanted = sorted(set(queues))

    def act(asking: Access) -> tuple[int, str]:
        covered = _person(person)
        if not (verdict := may("cover", covered, asking)):
            raise NotAllowed(verdict)
        other = _deputy(deputy, covered)
        _check_period(starts_at, ends_at, at)
        _check_queues(wanted, covered, other, at)
        cover = Cover.objects.create(
            person=covered,
            by=other,
            starts_at=max(starts_at, at),
            ends_at=ends_at,
            set_by=by,
            set_at=at,
        )
        cover.queues.set(wanted)
        _tell("set", cover, asking, at, key)
        names = f"{short_name(other.name)} decides for {short_name(covered.name)}"
        return cover.pk, f"{names} until {clock(ends_at, at)}."

    arguments = {
        "person": person,
        "deputy": deputy,
        "queues": wanted,
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
    }
    return _run("set_cover", str(person), arguments, act, by=by, at=at, key=key)


def end_cover(*, cover: int, by: User, at: datetime, key: str) -> Answer:
    """End it now, whoever set it; what was decided under it stays. Raises a `Refusal`."""

    def act(asking: Access) -> tuple[int, str]:
        found = (
            Cover.objects.select_for_update(of=("self",))
            .select_related("person", "by")
            .filter(pk=cover)
            .first()
        )
        if found is None or not _concerns(found, asking):
            raise NotFound("This cover")
        if found.ended_at is not None or found.ends_at <= at:
            raise TransitionNotAllowed("This cover has ended already.")
        found.ended_at = at
        found.save(update_fields=["ended_at"])
        _tell("end", found, asking, at, key)
        return found.pk, f"{short_name(found.by.name)} no longer decides for others here."

    return _run("end_cover", str(cover), {}, act, by=by, at=at, key=key)


def _concerns(cover: Cover, asking: Access) -> bool:
    """The covered person and their lead may end it, and so may the deputy."""
    return cover.by_id == asking.user_id or bool(may("cover", cover.person, asking))


def _person(pk: int) -> User:
    found = User.objects.filter(pk=pk, is_active=True, is_service=False).first()
    if found is None:
        raise Invalid({"person": "Choose the person who is away."})
    return found


def _deputy(pk: int, covered: User) -> User:
    found = User.objects.filter(pk=pk, is_active=True, is_service=False).first()
    if found is None:
        raise Invalid({"deputy": "Choose who decides meanwhile."})
    if found.person_key == covered.person_key:
        raise Invalid({"deputy": "Choose somebody else: nobody covers for themself."})
    return found


def _check_period(starts_at: datetime, ends_at: datetime, at: datetime) -> None:
    if ends_at <= starts_at:
        raise Invalid({"ends": "The last day must not be before the first."})
    if ends_at <= at:
        raise Invalid({"ends": "The last day has passed already."})
    if ends_at - max(starts_at, at) > LONGEST:
        raise Invalid({"ends": f"Cover can last {LONGEST.days} days at most. Set it anew then."})


def _check_queues(wanted: list[int], covered: User, deputy: User, at: datetime) -> None:
    """Cover lends a seat, never the right to a queue: both must hold that already."""
    people = access.of_many([covered, deputy], Queue)
    if not wanted:
        raise Invalid({"queues": "Choose at least one queue."})
    for queue in wanted:
        if not people[covered.pk].holds("decide_request", queue):
            raise Invalid({"queues": f"{covered.name} does not decide in one of these queues."})
        if not people[deputy.pk].holds("decide_request", queue):
            raise Invalid(
                {"queues": f"{deputy.name} may not decide in one of these queues themself."}
            )


def _tell(verb: str, cover: Cover, asking: Access, at: datetime, key: str) -> None:
    record(
        stream=f"person/{cover.person.person_key}",
        action=f"cover.{verb}",
        actor=asking.actor,
        target=Target(type="person", id=str(cover.person_id)),
        at=at,
        facts={
            "cover": cover.pk,
            "person": cover.person.name,
            "deputy": cover.by.name,
            "deputy_id": cover.by_id,
            "queues": sorted(cover.queues.values_list("slug", flat=True)),
            "starts_at": cover.starts_at.isoformat(),
            "ends_at": cover.ends_at.isoformat(),
        },
        key=key,
    )


def _run(
    verb: str,
    target: str,
    arguments: dict,
    act: Callable[[Access], tuple[int, str]],
    *,
    by: User,
    at: datetime,
    key: str,
) -> Answer:
    """`act` gives the cover's number and a sentence; a cover has no versions."""

    def change(asking: Access) -> Changed:
        number, sentence = act(asking)
        return Changed(number, 1, sentence)

    return managed(
        verb.removesuffix("_cover"),
        target,
        change,
        about="cover",
        by=by,
        at=at,
        key=key,
        arguments=arguments,
        operation=verb,
    )
