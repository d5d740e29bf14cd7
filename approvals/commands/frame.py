"""The one way in which a person changes a request: seven steps, the same for every command.

claim key → lock request → compare what was seen → may() → transition → event → enqueue and answer,
in one transaction. A command is written as a function of `Running` that makes the middle steps;
`@command` around it makes the others, and records the refusals.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol

from django.db import OperationalError, transaction
from psycopg import errors

from accounts import access
from accounts.access import Access
from accounts.models import User
from approvals import whole
from approvals.commands import idempotency
from approvals.commands.idempotency import Answer, Claim, EventPlace
from approvals.events import Action
from approvals.models import ApprovalRequest, Queue, State
from approvals.refusals import (
    CommandInFlight,
    Invalid,
    KeyMalformed,
    KeyReused,
    NotAllowed,
    NotFound,
    Refusal,
    RevisionMismatch,
    StepClosed,
    TooEarly,
    TransitionNotAllowed,
    VersionMismatch,
)
from approvals.rules import may
from approvals.transitions import commit
from approvals.wording import clock, is_storable, short_name, visible
from audit import timeline
from audit.models import Outcome
from audit.recorder import Target, record

LONGEST_TEXT = 2000
NOT_AN_ATTEMPT = (Invalid, KeyMalformed, CommandInFlight)


# The version that was seen, or several of which any will do; None when it doesn't matter.
Seen = int | frozenset[int] | None
# What the caller wants to be shown of the request as the command leaves it.
Show = Callable[[ApprovalRequest, EventPlace], str]


class Command(Protocol):
    """How commands are called. Raises a `Refusal`; then nothing of the request has changed."""

    def __call__(
        self,
        *,
        ref: str,
        by: User,
        at: datetime,
        key: str,
        version: Seen = None,
        show: Show | None = None,
        **body: Any,
    ) -> Answer: ...


@dataclass
class Running:
    """One command under way: the locked request, who asks, and what they saw."""

    item: ApprovalRequest
    by: User
    access: Access
    at: datetime
    key: str
    verb: str
    show: Show | None = None
    sentence: str = ""
    in_place_of: str = ""  # whom the decision was given for, under cover
    changes: list[dict] = field(default_factory=list)
    event: EventPlace | None = None
    is_whole: bool = False  # what the command does to the request is done to `item` as well

    def read_whole(self) -> None:
        """For commands that keep what they read in step with what they write: read nothing twice."""
        whole.fill(self.item)
        self.is_whole = True

    @property
    def shown(self) -> str:
        """What its caller asked to be shown of the request as it is left."""
        if self.show is None:
            return ""
        left = self.item if self.is_whole else whole.requests().get(pk=self.item.pk)
        return self.show(left, self.event)

    def compare_version(self, seen: Seen) -> None:
        """Refuse when anything at all has changed since `seen`."""
        if seen is None or self.item.version in ({seen} if isinstance(seen, int) else seen):
            return
        raise VersionMismatch(
            f"{self.item.ref} changed while you were reading. Nothing was recorded.",
            now=self.item.version,
        )

    def compare_revision(self, seen: int) -> None:
        """Refuse when the content is another than the one that was seen (I5)."""
        if not 1 <= seen <= self.item.revision:
            raise Invalid({"revision": f"{self.item.ref} has no revision {seen}."})
        if seen != self.item.revision:
            raise RevisionMismatch(
                f"{self.item.ref} changed while you were reading. Nothing was recorded.",
                seen=seen,
                now=self.item.revision,
                changes=self._changes_since(seen),
            )

    def _changes_since(self, revision: int) -> list[dict]:
        """Field by field, what was seen at `revision` and what stands there now."""
        changed: dict[str, dict] = {}
        for event in reversed(timeline.of_stream(self.item.stream).filter(action=Action.RESUBMIT)):
            if event.facts.get("revision", 0) <= revision:
                continue
            for change in event.changes:
                first = changed.setdefault(change["field"], {"seen": change["before"]})
                first["now"] = change["after"]
        return [{"field": field, **both} for field, both in changed.items()]

    def compare_step(self, seen: int) -> None:
        """Refuse when the step that was seen is closed: somebody decided it first."""
        if any(step.number == seen for step in self.item.open_steps):
            return
        if not any(step.number == seen for step in self.item.steps):
            raise Invalid({"step": f"{self.item.ref} has no step {seen}."})
        if self.item.step is not None and seen > self.item.step:
            raise TooEarly(f"Step {seen} of {self.item.ref} is not open yet. Nothing was recorded.")
        last = self._last_decision_on(seen)
        raise StepClosed(
            self._how_it_closed(last),
            step=seen,
            closed_by=last.decided_by.name if last else "",
            closed_at=f"{last.decided_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if last else None,
        )

    def _how_it_closed(self, last: Any) -> str:
        closed = f"This step of {self.item.ref} is closed."
        if last is None:
            return f"{closed} Your decision was not recorded."
        what, when = last.get_choice_display().lower(), clock(last.decided_at, self.at)
        if last.person_key == self.access.person_key:
            return f"Already {what} by you at {when}. Nothing was recorded twice."
        who = short_name(last.decided_by.name)
        return f"{closed} {who}: {what} at {when}. Your decision was not recorded."

    def _last_decision_on(self, step: int) -> Any:
        decisions = [d for d in self.item.decisions_for_revision if d.step == step]
        return decisions[-1] if decisions else None

    def check_allowed(self) -> None:
        """The one rule, under the lock."""
        verdict = may(self.verb, self.item, self.access)
        if not verdict:
            raise NotAllowed(verdict)

    def commit(self, action: Action, *, sentence: str, **arguments: Any) -> None:
        """Version, row and event; `sentence` is the answer that the caller gets."""
        if self.in_place_of:
            arguments["facts"] = {**arguments.get("facts", {}), "for": self.in_place_of}
        told = commit(
            self.item, action, actor=self.access.actor, at=self.at, key=self.key, **arguments
        )
        self.event, self.sentence = EventPlace.of(told), sentence


def command(
    verb: str,
    *,
    from_states: Iterable[str],
    phrase: str = "",
    look_before: Callable[..., dict] | None = None,
) -> Callable[[Callable[..., None]], Command]:
    """Make a command of a function `(running, **body)`. `from_states`: where it has a meaning.
    `phrase`: what one cannot do in others, in a sentence; "" for "approve it".

    `look_before(ref, by, arguments)` may ask outside systems; it runs before the transaction, not
    for a replay, and what it returns is handed to the function beside the body.
    """
    states = frozenset(from_states)
    cannot = phrase or f"{verb} it"

    def decorate(body: Callable[..., None]) -> Command:
        @functools.wraps(body)
        def run(
            *,
            ref: str,
            by: User,
            at: datetime,
            key: str,
            version: Seen = None,
            show: Show | None = None,
            **arguments: Any,
        ) -> Answer:
            if not is_storable(ref):
                raise NotFound(visible(ref))
            keyed = Keyed.of(verb, ref, arguments, by=by, at=at, key=key)
            seen: dict[str, Any] = {}
            if look_before and not keyed.find():
                seen = look_before(ref, by, arguments)

            def attempt() -> Answer:
                claimed = keyed.claim()
                person = access.of(by, Queue, at=at)
                item = locked(ref, person)
                if claimed.is_replay:
                    return replayed(claimed)
                running = Running(item, by, person, at, keyed.key, verb, show)
                running.compare_version(version)
                if item.state not in states:
                    _refuse_the_state(running, cannot, arguments)
                body(running, **arguments, **seen)
                return finished(running, claimed)

            return carried_out(attempt, keyed, verb=verb, target=ref, kept_for=ref)

        run.verb = verb
        return run

    return decorate


_IS = {State.NEEDS_PERSON: "needs a person", State.IN_DOUBT: "has an unknown outcome"}


def _refuse_the_state(running: Running, cannot: str, arguments: dict[str, Any]) -> NoReturn:
    """With what happened to the step or the content that was seen, if that is why."""
    item = running.item
    if "step" in arguments and item.decisions_for_revision:
        running.compare_revision(arguments["revision"])
        running.compare_step(arguments["step"])
    raise TransitionNotAllowed(
        f"{item.ref} {_IS.get(item.state, f'is {item.get_state_display().lower()}')} now; "
        f"you cannot {cannot}. "
        "Nothing was recorded.",
        state=item.state,
    )


# --- Shared with `submit`, which has no request yet -------------------------------------------------


def principal(by: User) -> str:
    """Whose keys these are: a key of one account says nothing to another."""
    return f"user:{by.pk}"


@dataclass(frozen=True)
class Keyed:
    """A command as it was asked for. `operation` is what its key belongs to."""

    operation: str
    by: User
    at: datetime
    key: str
    fingerprint: str

    @classmethod
    def of(
        cls,
        operation: str,
        target: str,
        arguments: Mapping[str, Any],
        *,
        by: User,
        at: datetime,
        key: str,
    ) -> "Keyed":
        """Raise `KeyMalformed`."""
        bare = idempotency.normalised_key(key)
        return cls(operation, by, at, bare, idempotency.fingerprint(operation, target, arguments))

    def claim(self) -> Claim:
        """As `idempotency.claim`."""
        return idempotency.claim(
            principal=principal(self.by),
            verb=self.operation,
            key=self.key,
            fingerprint=self.fingerprint,
            at=self.at,
        )

    def find(self) -> Claim | None:
        """As `idempotency.find`."""
        return idempotency.find(
            principal=principal(self.by), key=self.key, fingerprint=self.fingerprint
        )


def locked(ref: str, person: Access) -> ApprovalRequest:
    """The request under its row lock, or `NotFound` for what this person can't see."""
    item = whole.locked(ref)
    if item is None or not may("view", item, person):
        raise NotFound(ref)
    return item


def replayed(claimed: Claim) -> Answer:
    """The stored answer, or the stored refusal raised again."""
    if claimed.refusal is not None:
        claimed.refusal.is_replay = True
        raise claimed.refusal
    return claimed.answer


def finished(running: Running, claimed: Claim) -> Answer:
    """The command's own steps are done: its answer, kept under the key."""
    item = running.item
    return answered(
        claimed,
        ref=item.ref,
        verb=running.verb,
        version=item.version,
        at=running.at,
        sentence=running.sentence,
        shown=running.shown,
        event=running.event,
    )


def answered(
    claimed: Claim,
    *,
    ref: str,
    verb: str,
    version: int,
    at: datetime,
    sentence: str,
    shown: str = "",
    event: EventPlace | None = None,
) -> Answer:
    """The answer of a command that was carried out, kept under its key."""
    stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    answer = Answer(
        ref=ref,
        verb=verb,
        version=version,
        at=stamp,
        sentence=sentence,
        shown=shown,
        event=event,
    )
    idempotency.keep_answer(claimed, answer)
    return answer


def carried_out(
    attempt: Callable[[], Answer],
    keyed: Keyed,
    *,
    verb: str,
    target: str,
    about: str = "request",
    kept_for: str | None = None,
) -> Answer:
    """One transaction around `attempt`, which claims the key. Raises a `Refusal`.

    A refusal undoes everything. A second transaction then records the attempt and, when the refusal is
    final and `kept_for` names a request, keeps it under the key.
    """
    with _in_time():
        try:
            with transaction.atomic():
                return attempt()
        except Refusal as refusal:
            if isinstance(refusal, NOT_AN_ATTEMPT) or refusal.is_replay:
                raise
            with transaction.atomic():
                if refusal.is_final and kept_for is not None:
                    done = _keep(refusal, keyed, kept_for)
                    if done is not None:
                        return replayed(done)
                _record_refused(keyed, verb, target, about, refusal)
            raise


def _keep(refusal: Refusal, keyed: Keyed, ref: str) -> Claim | None:
    """Keep it under the key; or give what the same command, sent twice, has come to meanwhile."""
    try:
        claimed = keyed.claim()
    except KeyReused:  # by now the key is that of something else
        return None
    if claimed.is_replay:
        return claimed
    idempotency.keep_refusal(claimed, refusal, ref=ref)
    return None


@contextmanager
def _in_time() -> Iterator[None]:
    """Raise `CommandInFlight` when a lock was waited for in vain."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
            raise CommandInFlight(
                "Somebody is changing this at the same moment. Nothing was recorded; try again."
            ) from error
        raise


def _record_refused(keyed: Keyed, verb: str, target: str, about: str, refusal: Refusal) -> None:
    """In the stream of the person who tried: a request's version never moves by a refusal."""
    person = access.of(keyed.by, Queue)
    record(
        stream=person.stream,
        action=f"{about}.{verb}",
        actor=person.actor,
        target=Target(type=about, id=target[:100]),
        at=keyed.at,
        outcome=Outcome.DENIED,
        reason_code=str(refusal.facts.get("rule") or refusal.code),
        reason=refusal.sentence,
        key=keyed.key,
    )


def required(field_name: str, text: str, sentence: str, *, longest: int = LONGEST_TEXT) -> str:
    """Typed text, trimmed. Raise `Invalid` when it is missing or too long."""
    text = text.strip()
    if not text:
        raise Invalid({field_name: sentence})
    return bounded(field_name, text, longest=longest)


def bounded(field_name: str, text: str, *, longest: int = LONGEST_TEXT) -> str:
    text = text.strip()
    if not is_storable(text):
        raise Invalid({field_name: "The text holds a character that cannot be stored."})
    if len(text) > longest:
        raise Invalid({field_name: f"Write at most {longest:,} characters."})
    return text
