"""09:12: what a lead finds in the morning, made by the real commands and the real worker code.

Every history here happened: people asked and decided through the commands, at times of today, and
the effects were carried out against the simulator. Nothing is written past them.
"""

import contextlib
import copy
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from accounts.models import Team
from approvals.commands import decide, glass, operate, submit
from approvals.commands.cover import set_cover
from approvals.commands.saved_views import save_view
from approvals.commands.systems import hold_system, resume_system
from approvals.models import ApprovalRequest, Queue
from audit import outside, sealing
from audit.models import Event
from demo import audit, handoffs, webhooks
from demo.acting import Acting, let_it_settle, short_patience
from notifications import following, rounds
from notifications.commands import CHOICES, choose, watch
from notifications.notices import preferences_of
from policies import trying
from policies.commands import drafts, trials
from policies.models import Draft
from rights.commands import proposals

LIMITED = ("acct_5498", "acct_5511", "acct_5530")
UNKNOWN = "acct_5512"
REJECTED = "acct_5477"
FAILED_LATER, PENDING = "87990", "87991"  # orders, each with one payment
# How the simulator misbehaves: three accounts are refused for a while, one answer gets lost and
# cannot be asked for, one account number is wrong, one refund is taken back after it was done, one
# is accepted and not finished.
FAULTS = [
    *(f"rate_limit@{account}=1" for account in LIMITED),
    f"hang_after_effect@{UNKNOWN}=1",
    f"look_up_unavailable@{UNKNOWN}=1",
    f"reject@{REJECTED}=1",
    f"fail_later@pi_{FAILED_LATER}_6000_eur=1",
    f"pending@pi_{PENDING}_21000_eur=1",
]
DURATIONS = ["--fail-later-seconds=0.001", "--pending-seconds=3600"]


class Situation(Acting):
    """What happened before 09:12, chapter by chapter."""

    def happen(self) -> None:
        with _usual_waits():
            self._reports_are_told()
            self._warehouse_is_told()
            self._somebody_is_away()
            self._done_today()
            self._ended_without_effect()
            self._stuck()
            self._waiting()
            self._glass_was_broken()
            self._a_policy_is_being_changed()
            self._a_seat_is_asked_for()
            self._the_night_hands_over()
            self._three_changes_retrying()
            self._asked_since()
            self._the_lead_keeps_an_eye_on_it()
            self._people_are_told()
            self._the_auditor_reads_and_checks()
            sealing.seal_all(at=self.now)

    # --- Webhooks --------------------------------------------------------------------------------

    def _reports_are_told(self) -> None:
        """Told nothing at first: its URL was wrong, which was corrected three weeks ago."""
        admin = {"by": self.person("admin")}
        reports = webhooks.make_reports(**admin, at=self.ago(days=56), key=self.key())
        self._yesterday()
        corrected_at = self.ago(days=21)
        webhooks.tell(reports, at=self.ago(days=25), until=corrected_at)
        webhooks.correct_reports(reports, **admin, at=corrected_at, key=self.key)

    def _warehouse_is_told(self) -> None:
        webhooks.make_warehouse(by=self.person("admin"), at=self.ago(hours=24), key=self.key())

    # --- Who is away, and what the lead keeps at hand ----------------------------------------------

    def _somebody_is_away(self) -> None:
        """Lars Sand is away for two days; Priya Roy decides in his place, also above her limit."""
        set_cover(
            person=self.person("finance2").pk,
            deputy=self.person("finance3").pk,
            queues=[Queue.objects.get(slug="refunds").pk],
            starts_at=self.ago(minutes=30),
            ends_at=self.now + timedelta(hours=38),
            by=self.person("finance2"),
            at=self.ago(minutes=55),
            key=self.key(),
        )

    def _the_lead_keeps_an_eye_on_it(self) -> None:
        save_view(
            name="Refunds due soon",
            query="due=2h&kind=refund&view=all",
            by=self.person("ops@"),
            at=self.ago(days=6),
        )

    def _people_are_told(self) -> None:
        """What the worker would tell them, so that inboxes are not empty at the first look."""
        wanted = preferences_of([lead := self.person("ops@")])[lead.pk]
        choices = {name: getattr(wanted, name) for name in CHOICES} | {"digest": True}
        choose(by=lead, at=self.ago(days=6), **choices)
        let_it_settle()
        following.run(at=self.now)
        rounds.tell_of_stuck(at=self.now)

    # --- The record ------------------------------------------------------------------------------

    def _the_auditor_reads_and_checks(self) -> None:
        """Looks for what was refused, reads what a decision said, and has everything checked."""
        let_it_settle()
        sealing.seal_all(at=self.ago(minutes=20))
        outside.publish(at=self.ago(minutes=20))
        auditor = self.person("auditor@")
        rejected = Event.objects.filter(action="request.reject").order_by("pk").first()
        audit.read_list(auditor, {"outcome": "denied"}, at=self.ago(minutes=19))
        audit.read_event(auditor, rejected, at=self.ago(minutes=16))
        audit.check(auditor, at=self.ago(minutes=12), key=self.key())

    # --- Chapters --------------------------------------------------------------------------------

    def _yesterday(self) -> None:
        for hours, amount in [
            (31, 2200),
            (30, 8100),
            (29, 4590),
            (28, 12900),
            (27, 3100),
            (26, 7450),
        ]:
            self.done_refund(at=self.ago(hours=hours), amount=amount)
        self._yesterday_was_handed_over()
        item = self.ask_refund(at=self.ago(days=55), amount=18900, by="support2")
        self.expire(item)

    def _yesterday_was_handed_over(self) -> None:
        """One refund waited at the end of the day; it was accepted, approved and paid."""
        item = self.ask_refund(at=self.ago(hours=28), amount=21500)
        evening = handoffs.hand_over(
            by=self.person("ops@"),
            to=self.person("ops2"),
            shift_from=self.ago(hours=35),
            shift_to=self.ago(hours=27),
            at=self.ago(hours=27, minutes=8),
            note="A quiet day. Finance knows of the one that waits.",
            key=self.key,
        )
        said = {"at": self.ago(hours=26, minutes=48), "key": self.key()}
        handoffs.answer(evening, item, "question", text="Who of Finance is in tonight?", **said)
        self.approve(item, "finance1", at=self.ago(hours=26, minutes=30))
        self.run(item)

    def _done_today(self) -> None:
        for minutes, amount in [
            (214, 1250),
            (203, 8350),
            (190, 2250),
            (171, 6400),
            (150, 1990),
            (133, 9900),
            (95, 4999),
            (61, 15000),
            (34, 3575),
        ]:
            self.done_refund(at=self.ago(minutes=minutes), amount=amount)
        for minutes, change, to in [
            (140, "email", "new.address@example.test"),
            (50, "limit", "5000"),
        ]:
            item = self.ask_change(at=self.ago(minutes=minutes), change=change, to=to)
            self.approve(item, "ops", at=self.ago(minutes=minutes - 12))
            self.run(item)

    def _ended_without_effect(self) -> None:
        item = self.ask_refund(at=self.ago(hours=5), amount=64000, by="support2")
        self.decide(
            decide.reject, item, "finance1", self.ago(hours=4), "Paid out by the insurer already."
        )
        item = self.ask_refund(at=self.ago(hours=3), amount=7800)
        self.decide(
            decide.reject, item, "finance2", self.ago(hours=2), "The return window ended in August."
        )
        item = self.ask_refund(at=self.ago(hours=6), amount=9900)
        submit.withdraw(
            ref=item.ref,
            by=self.person("support@"),
            at=self.ago(hours=5, minutes=20),
            key=self.key(),
            reason="The customer found the parcel.",
        )

    def _stuck(self) -> None:
        self._one_unknown()
        self._one_needs_a_person()
        self._one_task_by_hand()
        self._one_taken_back()
        self._one_accepted()
        self._one_held()
        self._stripe_was_held_for_a_while()

    def _glass_was_broken(self) -> None:
        """Nobody of Finance was there at seven. Nobody else has looked at it yet."""
        asked = self.ago(hours=2, minutes=16)
        item = self.ask_refund(at=asked, amount=12600)
        glass.break_glass(
            ref=item.ref,
            by=self.person("ops@"),
            at=asked + timedelta(minutes=4),
            key=self.key(),
            reason="The customer stands at the counter, which closes in a quarter of an hour.",
            minutes=15,
        )
        self.approve(item, "ops@", at=asked + timedelta(minutes=6))
        self.run(item)

    def _a_policy_is_being_changed(self) -> None:
        """Written by one administrator; it waits for the other to publish it."""
        said = {"by": self.person("admin@"), "at": self.ago(hours=17)}
        answer = drafts.begin(slug="refunds", number=None, key=self.key(), **said)
        draft = Draft.objects.get(pk=int(answer.ref))
        table = copy.deepcopy(draft.table)
        table[0]["steps"][0]["escalate"] = [{"after": "3 h", "do": "tell_lead"}]
        often = {"of": "requester", "within": "1 d", "count_from": 8}
        table.insert(
            1,
            {
                "name": "Eighth refund that one person asks for within a day",
                "when": {"kind": "refund", "currency": "EUR", "recent": often},
                "steps": [{"team": "Finance", "quorum": 1, "due_after": "4 h"}],
                "start_delay": "30 s",
            },
        )
        drafts.change(
            pk=draft.pk,
            version=draft.version,
            name=draft.name,
            table=table,
            purpose="In October one account asked for forty small refunds before anybody noticed.",
            key=self.key(),
            **said,
        )
        period = {"since": self.ago(days=60), "until": self.now}
        answer = trials.ask(
            slug="refunds", draft=draft.pk, number=None, key=self.key(), **period, **said
        )
        trying.run(int(answer.ref), clock=lambda: said["at"] + timedelta(seconds=3))

    def _a_seat_is_asked_for(self) -> None:
        """By one administrator; it waits for the other. A ceiling only takes away: it counts."""
        finance = {"team": Team.objects.get(name="Finance").pk, "currency": "EUR"}
        seat = {"what": "seat", "person": self.person("ops2@").pk, "lead": False, "limit": 50_000}
        self._change_access(
            seat | finance,
            "On Friday nobody of Finance works after noon in Berlin, and small refunds wait.",
            hours=15,
        )
        self._change_access(
            {"what": "ceiling", "amount": 10_000_000} | finance,
            "More than this in a day was never right: somebody should look first.",
            hours=16,
        )

    def _change_access(self, change: dict, reason: str, *, hours: int) -> None:
        proposals.propose(
            changes=[change],
            reason=reason,
            by=self.person("admin@"),
            at=self.ago(hours=hours),
            key=self.key(),
        )

    def _three_changes_retrying(self) -> None:
        """They wait for the same cause; the running worker goes on trying."""
        for number, account in enumerate(LIMITED):
            asked = self.ago(minutes=24 - number * 4)
            item = self.ask_change(
                at=asked,
                change="payout_account",
                to=f"DE{89 - number} ..{4242 + number}",
                account=account,
                by="support2" if number else "support@",
            )
            self.approve(item, "ops", at=asked + timedelta(minutes=12))
            if number == 0:
                self.claim(item, "ops2", at=asked + timedelta(minutes=12, seconds=3))
            self.run(item)
            while self.due_at(item) < self.now:
                self.run(item)

    def _one_unknown(self) -> None:
        """Sent, and the answer never came. The service cannot be asked either, for now."""
        asked = self.ago(hours=1, minutes=31)
        item = self.ask_change(at=asked, change="close", account=UNKNOWN)
        self.approve(item, "ops2", at=asked + timedelta(minutes=16))
        with short_patience():
            self.run(item)
        while self.due_at(item) < self.now:
            self.run(item)

    def _one_needs_a_person(self) -> None:
        asked = self.ago(hours=3, minutes=22)
        item = self.ask_change(
            at=asked, change="payout_account", to="GB00 ..0000", account=REJECTED, by="support2"
        )
        self.approve(item, "ops2", at=asked + timedelta(minutes=9))
        self.run(item)
        self.note(
            item, "ops", asked + timedelta(minutes=40), "Asked @support2 for the right number."
        )

    def _one_task_by_hand(self) -> None:
        asked = self.ago(hours=2, minutes=5)
        item = self.ask_manual(
            at=asked,
            title="Post the VAT receipt for order 88077",
            instructions="Print the receipt from the archive and post it to the billing address.",
        )
        self.approve(item, "ops2", at=asked + timedelta(minutes=30))
        self.run(item)

    def _one_taken_back(self) -> None:
        """Done before seven, failed at the bank an hour later: looking again brought it to light."""
        asked = self.ago(hours=2, minutes=40)
        item = self.ask_refund(at=asked, amount=5600, order=FAILED_LATER, size=6000)
        self.approve(item, "finance1", at=asked + timedelta(minutes=11))
        self.run(item)
        self.run(item)

    def _one_accepted(self) -> None:
        asked = self.ago(minutes=55)
        item = self.ask_refund(at=asked, amount=19800, order=PENDING, size=21000, by="support2")
        self.approve(item, "finance1", at=asked + timedelta(minutes=8))
        self.run(item)
        while self.due_at(item) < self.now:
            self.run(item)

    def _one_held(self) -> None:
        asked = self.ago(minutes=74)
        item = self.ask_refund(at=asked, amount=46500, by="support2")
        self.approve(item, "finance2", at=asked + timedelta(minutes=20))
        operate.hold(
            ref=item.ref,
            by=self.person("ops2"),
            at=asked + timedelta(minutes=20, seconds=9),
            key=self.key(),
            reason="The parcel has turned up; Sofia asks the customer whether to keep it.",
        )

    def _the_night_hands_over(self) -> None:
        """To the lead, who has accepted what is held and not looked at the rest yet."""
        night = handoffs.hand_over(
            by=self.person("ops2"),
            to=self.person("ops@"),
            shift_from=self.ago(hours=8, minutes=27),
            shift_to=self.ago(minutes=27),
            at=self.ago(minutes=28),
            note="The account service was slow all night. They promise to call before noon.",
            key=self.key,
        )
        held = ApprovalRequest.objects.get(held_at__isnull=False)
        handoffs.answer(night, held, "accept", at=self.ago(minutes=21), key=self.key())

    def _stripe_was_held_for_a_while(self) -> None:
        said = {"slug": "stripe", "by": self.person("ops@")}
        hold_system(
            **said,
            at=self.ago(minutes=122),
            key=self.key(),
            reason="Their status page announced maintenance until 07:25 UTC.",
        )
        resume_system(**said, at=self.ago(minutes=107), key=self.key())

    def _waiting(self) -> None:
        """What waits for people: one near its due time, one already past it."""
        near = self.ask_refund(
            at=self.ago(hours=3, minutes=32),
            amount=124000,
            order="88120",
            size=131000,
            customer="Ana Silva",
            ticket="ZD-9921",
            reason=("lost_parcel", "Parcel lost, the carrier confirmed it on 20 November."),
        )
        watch(ref=near.ref, by=self.person("ops@"), at=self.ago(hours=3), wanted=True)
        self.approve(near, "finance3", at=self.ago(hours=2, minutes=51))
        self.note(near, "support@", self.ago(hours=2), "The customer has called twice, @ops.")
        operate.remind(
            ref=near.ref, by=self.person("ops@"), at=self.ago(minutes=52), key=self.key()
        )
        self.ask_refund(at=self.ago(hours=4, minutes=25), amount=8800, by="support2")
        self.ask_refund(at=self.ago(minutes=58), amount=87550)
        self.ask_refund(at=self.ago(minutes=41), amount=230000, by="support2")
        self.ask_change(at=self.ago(minutes=47), change="limit", to="12000")
        self._sent_back()
        self._changed_after_an_approval()

    def _asked_since(self) -> None:
        """After the night went home."""
        self.ask_change(
            at=self.ago(minutes=20), change="email", to="jonas@example.test", by="support2"
        )
        self.ask_change(
            at=self.ago(minutes=16), change="payout_account", to="FR76 ..1812", by="ops@"
        )
        self.ask_refund(at=self.ago(minutes=12), amount=5900)
        self.ask_refund(at=self.ago(minutes=7), amount=14900, by="webshop", ticket="order 88471")

    def _sent_back(self) -> None:
        item = self.ask_refund(at=self.ago(hours=2, minutes=10), amount=31500)
        self.decide(
            decide.send_back,
            item,
            "finance2",
            self.ago(hours=1, minutes=40),
            "Which of the two orders is it? The ticket names 88231 and 88232.",
        )
        item = self.ask_change(
            at=self.ago(hours=1, minutes=55), change="close", account="acct_5601", by="support2"
        )
        self.decide(
            decide.send_back, item, "ops2", self.ago(hours=1), "Has the customer been paid out?"
        )

    def _changed_after_an_approval(self) -> None:
        item = self.ask_refund(at=self.ago(hours=1, minutes=30), amount=150000, size=160000)
        self.approve(item, "finance1", at=self.ago(hours=1, minutes=10))
        item.refresh_from_db()
        submit.resubmit(
            ref=item.ref,
            by=item.requested_by,
            at=self.ago(minutes=36),
            key=self.key(),
            revision=item.revision,
            payload={**item.payload, "amount": 142500},
            customer=item.customer,
            reason=f"{item.reason} Without the voucher.",
            ticket=item.ticket,
        )


@contextlib.contextmanager
def _usual_waits() -> Iterator[None]:
    """`--speed` is for what happens from now on: at 50 the hours before would use up every try."""
    speed = settings.WAITING_IS_DIVIDED_BY
    settings.WAITING_IS_DIVIDED_BY = 1
    try:
        yield
    finally:
        settings.WAITING_IS_DIVIDED_BY = speed
