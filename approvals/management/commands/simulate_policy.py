"""`simulate_policy SLUG`: what other rules would have asked of the requests of a period."""

import csv
import json
from argparse import ArgumentParser
from contextlib import ExitStack
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from approvals import policy_file
from approvals.exporting import cell
from approvals.models import Policy
from approvals.policy_table import MalformedPolicy
from approvals.policy_table import parse as parse_table
from approvals.policy_words import duration
from approvals.routing import Rule
from approvals.simulation import WAYS, Difference, Simulation, simulate
from approvals.wording import money

COLUMNS = ["ref", "was", "would_be", "way", "amount", "currency", "nobody"]
IN_WORDS = {
    "same": "the same approvals",
    "more_approvals": "more approvals",
    "fewer_approvals": "fewer approvals",
    "other_teams": "other teams",
    "uncovered": "no rule: refused",
}


class Command(BaseCommand):
    help = "Run a policy file or a version over the requests of a period. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--file", type=Path, help="a policy file")
        what.add_argument("--version-number", type=int, metavar="N", help="a version of the policy")
        parser.add_argument("--from", dest="since", required=True, metavar="DAY", help="2026-10-01")
        parser.add_argument("--to", dest="until", required=True, metavar="DAY", help="not included")
        parser.add_argument(
            "--csv", type=Path, help="write every request that differs to this file"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: object, slug: str, **options: Any) -> None:
        policy = Policy.objects.filter(slug=slug).first()
        if policy is None:
            raise CommandError(f"There is no policy “{slug}”.")
        rules = _rules(policy, options["file"], options["version_number"])
        since, until = _day(options["since"]), _day(options["until"])
        if since >= until:
            raise CommandError("The end must be later than the beginning.")
        with ExitStack() as stack:
            tell = _writer(stack, options["csv"]) if options["csv"] else None
            found = simulate(policy, rules, since=since, until=until, tell=tell)
        if options["json"]:
            self.stdout.write(json.dumps(_plain(found)))
            return
        for line in _lines(found):
            self.stdout.write(line)


def _rules(policy: Policy, file: Path | None, number: int | None) -> list[Rule]:
    try:
        if file is not None:
            text = file.read_text(encoding="utf-8")
            return parse_table(policy_file.read(text, called=file.name)["table"])
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    except MalformedPolicy as malformed:
        raise CommandError("\n".join(malformed.problems)) from malformed
    version = policy.versions.filter(number=number).first()
    if version is None:
        raise CommandError(f"The policy “{policy.slug}” has no version {number}.")
    return version.rules


def _day(text: str) -> datetime:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"“{text}” is no day. Write it like 2026-10-01.")
    return datetime.combine(day, time(), tzinfo=UTC)


def _writer(stack: ExitStack, path: Path) -> Any:
    try:
        file = stack.enter_context(path.open("x", encoding="utf-8", newline=""))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}.") from error
    rows = csv.writer(file)
    rows.writerow(COLUMNS)

    def tell(one: Difference) -> None:
        said = [one.ref, one.was, one.would_be, one.way, one.amount, one.currency, int(one.nobody)]
        rows.writerow([cell(value) for value in said])

    return tell


def _plain(found: Simulation) -> dict:
    return {
        "requests": found.requests,
        **{way: found.counts[way] for way in WAYS},
        "nobody": found.nobody,
        "amounts": {f"{way} {code}": total for (way, code), total in found.amounts.items()},
        "rules": [
            {"was": was, "would_be": now or None, "requests": count}
            for (was, now), count in found.rules.most_common()
        ],
        "waiting_s": found.waiting_s,
        "added_s": round(found.added_s),
    }


def _lines(found: Simulation) -> list[str]:
    lines = [f"{found.requests:,} requests were looked at."]
    for way in WAYS:
        sums = [money(total, code) for (one, code), total in found.amounts.items() if one == way]
        lines.append(f"{found.counts[way]:>11,} {IN_WORDS[way]:<20} {', '.join(sums)}")
    lines.append(f"{found.nobody:>11,} could be approved by nobody as things stand today")
    for (was, now), count in found.rules.most_common(20):
        lines.append(f"{count:>11,} {was} → {now or 'no rule'}")
    if found.waiting_s:
        steps = [f"{team} {duration(round(s))}" for team, s in sorted(found.waiting_s.items())]
        lines.append(f"A step took in the middle: {', '.join(steps)}.")
        verb = "longer" if found.added_s >= 0 else "less"
        lines.append(
            f"Together they would have waited about {abs(found.added_s) / 3600:,.1f} h {verb}."
        )
    return lines
