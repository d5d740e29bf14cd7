"""Whom a note names: “@ines.weber”, or the whole address where the first part alone is not clear."""

import re
from dataclasses import dataclass, field

from django.db.models import Q

from accounts import access
from accounts.models import User
from approvals.models import ApprovalRequest, Queue
from approvals.rules import may
from approvals.wording import listed, short_name

MENTION = re.compile(
    r"(?<![\w.@/])@([a-z0-9](?:[a-z0-9._+-]*[a-z0-9])?(?:@[a-z0-9.-]*[a-z0-9])?)", re.I
)
MOST = 10


@dataclass
class Mentioned:
    """Who is told, and in sentences why others are not."""

    people: list[User] = field(default_factory=list)
    not_told: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """“ I. Weber and L. Sand are told.”, with a space before it, or ""."""
        said = list(self.not_told)
        if self.people:
            names = listed([short_name(person.name) for person in self.people])
            said.insert(0, f"{names} {'is' if len(self.people) == 1 else 'are'} told.")
        return "".join(f" {sentence}" for sentence in said)


def mentioned(text: str, item: ApprovalRequest) -> Mentioned:
    """Everybody whom the text names and who may see the request; the first ten names count."""
    found = Mentioned()
    handles = list(dict.fromkeys(match[1].lower() for match in MENTION.finditer(text)))
    for handle in handles[:MOST]:
        _look_up(handle, item, found)
    if len(handles) > MOST:
        found.not_told.append(f"Only the first {MOST} names are told.")
    return found


def _look_up(handle: str, item: ApprovalRequest, found: Mentioned) -> None:
    wanted = Q(email__iexact=handle) if "@" in handle else Q(email__istartswith=f"{handle}@")
    people = list(User.objects.filter(wanted, is_active=True, is_service=False)[:2])
    if not people:
        found.not_told.append(f"Nobody here is called @{handle}.")
    elif len(people) > 1:
        found.not_told.append(f"@{handle} is several people here; write the whole address.")
    elif not may("view", item, access.of(people[0], Queue)):
        found.not_told.append(
            f"{short_name(people[0].name)} cannot see {item.ref} and is not told."
        )
    elif people[0] not in found.people:
        found.people.append(people[0])
