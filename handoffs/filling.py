"""What belongs in a report: which requests in which section, what changed, what was done. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Case, CharField, Q, QuerySet, Value, When

from accounts.access import Access
from approvals import figures, kinds, queries, runbooks, stuck
from approvals.events import SystemAction
from approvals.explain import Waiting
from approvals.models import OPEN, ApprovalRequest, Policy, State, System
from approvals.queries import ORDER
from approvals.rules import visible_to
from approvals.wording import clock, shortened, visible
from audit.models import Event, Outcome
from handoffs.models import OF_REQUESTS, Handoff, Line, Section

MOST_OF_A_SECTION = 50
MOST_CHANGES = 50
LONGEST_WORDS = 200
FIRST_LOOK = timedelta(hours=1)  # of the next shift, after which what is still so needs more
POLICY_MADE_LIVE = ("policy.load", "policy.publish")
CHANGES = {
    SystemAction.HOLD: "{name} held",
    SystemAction.RESUME: "{name} resumed",
    SystemAction.PAUSE: "{name} paused by itself after failures in a row",
    SystemAction.UNPAUSE: "{name} answers again and goes on",
}


@dataclass
class Chosen:
    """Requests by section, in the queue's order; `left_out`: how many more there are than shown."""

    items: dict[str, list[ApprovalRequest]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def choose(sender: Access, receiver: Access, queues: Iterable[int], now: datetime) -> Chosen:
    """What the sender hands over: open requests that both see and that somebody should look at."""
    chosen = Chosen()
    section_of = {item: section for section, item in places(sender, receiver, queues, now)}
    for item in queries.requests().filter(pk__in=section_of).order_by(*ORDER):
        chosen.items.setdefault(section_of[item.pk], []).append(item)
    for section, items in chosen.items.items():
        if len(items) == MOST_OF_A_SECTION:
            all_of_it = _candidates(sender, receiver, queues, now).filter(section=section).count()
            if all_of_it > MOST_OF_A_SECTION:
                chosen.left_out[section] = all_of_it - MOST_OF_A_SECTION
    return chosen


def places(
    sender: Access, receiver: Access, queues: Iterable[int], now: datetime
) -> set[tuple[str, int]]:
    """The same as pairs of a section and the id of a request."""
    found: set[tuple[str, int]] = set()
    for section in OF_REQUESTS:
        of_section = _candidates(sender, receiver, queues, now).filter(section=section.value)
        first = of_section.order_by(*ORDER).values_list("pk", flat=True)[:MOST_OF_A_SECTION]
        found |= {(section.value, pk) for pk in first}
    return found


def _candidates(
    sender: Access, receiver: Access, queues: Iterable[int], now: datetime
) -> QuerySet[ApprovalRequest]:
    return (
        ApprovalRequest.objects.filter(visible_to(sender), queue__in=list(queues), state__in=OPEN)
        .filter(visible_to(receiver))
        .annotate(section=_section(now))
    )


def _section(now: datetime) -> Case:
    """Where an open request belongs; none for what goes on by itself."""
    is_halted = Q(
        held_at__isnull=False, state__in=[State.APPROVED, State.RETRYING, State.EXECUTING]
    )
    return Case(
        When(is_halted, then=Value(Section.HELD.value)),
        When(state=State.RETRYING, then=Value(Section.RETRYING.value)),
        When(state__in=[State.PENDING, State.SENT_BACK], then=Value(Section.PEOPLE.value)),
        When(stuck.is_stuck(now), then=Value(Section.RISKY.value)),
        default=Value(""),
        output_field=CharField(),
    )


def lines(chosen: Chosen, handoff: Handoff, now: datetime) -> list[Line]:
    """Unsaved lines, as the requests stand now, with words to begin with."""
    everything = [item for found in chosen.items.values() for item in found]
    waiting = queries.explained(everything, now)
    made = []
    for section in OF_REQUESTS:
        for item in chosen.items.get(section.value, []):
            line = Line(handoff=handoff, section=section, place=len(made), item=item)
            show_as(line, item, waiting[item.pk])
            if section == Section.RISKY:
                line.next_step = first_words(waiting[item.pk], now)
                line.condition = first_condition(item, waiting[item.pk], handoff.shift_to, now)
                line.to = handoff.receiver
            made.append(line)
    return made


def show_as(line: Line, item: ApprovalRequest, waiting: Waiting) -> None:
    """How the request stands, in the words of its own page."""
    line.title = visible(kinds.kind_of(item.kind).title(item.payload))
    line.label, line.tone, line.sentence = waiting.label, waiting.tone, waiting.sentence
    line.owner = visible(item.owner.name) if item.owner else ""


def first_words(waiting: Waiting, now: datetime) -> str:
    at = f" {clock(waiting.next_at, now)}" if waiting.next_at else ""
    return shortened(f"{waiting.next.rstrip('.')}{at}.", LONGEST_WORDS) if waiting.next else ""


def first_condition(
    item: ApprovalRequest, waiting: Waiting, shift_to: datetime, now: datetime
) -> str:
    """What follows an “If”: “still unknown at 14:00 UTC: follow the runbook “Outcome unknown”.”"""
    still = "unknown" if item.state == State.IN_DOUBT else "so"
    runbook = runbooks.find(waiting.runbook)
    do = f"follow the runbook “{runbook.title}”" if runbook else "tell the lead"
    return f"still {still} at {clock(shift_to + FIRST_LOOK, now)}: {do}."


# --- Changed and done ------------------------------------------------------------------------------


def changes(shift_from: datetime, until: datetime, queues: Iterable[int]) -> list[dict]:
    """Policies of these queues made live, and systems held, resumed or paused, oldest first."""
    policies = dict(
        Policy.objects.filter(queues__in=list(queues)).values_list("slug", "name").distinct()
    )
    systems = dict(System.objects.values_list("slug", "name"))
    about_them = Q(action__in=POLICY_MADE_LIVE, target_id__in=policies) | Q(
        action__in=[action.value for action in CHANGES]
    )
    found = Event.objects.filter(
        about_them,
        target_type__in=["policy", "system"],
        occurred_at__gte=shift_from,
        occurred_at__lt=until,
    ).exclude(outcome=Outcome.DENIED)
    newest = found.order_by("-occurred_at", "-id")[:MOST_CHANGES]
    return [_change(event, policies, systems) for event in reversed(newest)]


def _change(event: Event, policies: Mapping[str, str], systems: Mapping[str, str]) -> dict:
    slug = event.target_id
    if event.action in POLICY_MADE_LIVE:
        sentence = f"Policy {policies[slug]}, version {event.version_after}, made live"
    else:
        name = systems.get(slug, slug)
        sentence = CHANGES[SystemAction(event.action)].format(name=name)
        sentence += f": “{event.reason}”" if event.reason else ""
    return {
        "at": event.occurred_at.astimezone(UTC).isoformat(),
        "sentence": visible(sentence),
        "by": visible(event.actor_label),
        "policy": slug if event.action in POLICY_MADE_LIVE else "",
    }


def done_in(handoff: Handoff, reader: Access) -> QuerySet[ApprovalRequest]:
    """What was done in the shift, up to the sending, and the reader sees."""
    done = figures.is_done(since=handoff.shift_from, before=handoff.covers_until)
    return ApprovalRequest.objects.filter(visible_to(reader), done)


def empty_sections(
    handoff: Handoff, of_lines: Iterable[str], done: int, *, note: str
) -> list[Section]:
    """Sections without an entry: of these the sender has to say “None”."""
    filled = set(of_lines)
    if handoff.changed:
        filled.add(Section.CHANGED)
    if done:
        filled.add(Section.DONE)
    if note:
        filled.add(Section.NOTE)
    return [section for section in Section if section.value not in filled]
