"""What an address of the queue lists: its view and its filters, for the page and all that follows it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import parse_qsl, urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from approvals import queries
from approvals.forms import QueueFilter
from approvals.models import OPEN, ApprovalRequest, State
from approvals.queries import Named
from approvals.views.frame import reader, with_query
from approvals.wording import is_storable, visible


@dataclass(frozen=True)
class Listing:
    """The requests that `query` lists for the reader of `request`, at the moment `now`."""

    request: HttpRequest
    query: QueryDict
    now: datetime

    @cached_property
    def view(self) -> str:
        """One of `queries.VIEWS`; what is none of them shows all."""
        view = self.query.get("view", "")
        return view if view in queries.VIEWS else "all"

    @cached_property
    def filters(self) -> QueueFilter:
        return QueueFilter(
            {**self.query.dict(), "view": self.view},
            queryset=self._in_view(),
            teams=[(team.number, visible(team.name)) for team in self.choices["team"]],
            queues=[(queue.text, visible(queue.name)) for queue in self.choices["queue"]],
        )

    @cached_property
    def choices(self) -> dict[str, list[Named]]:
        """What can be chosen by its name: teams, queues that the reader sees, and their own views."""
        return queries.choices(reader(self.request))

    @property
    def found(self) -> QuerySet[ApprovalRequest]:
        """All of them, in no order; with everything that explaining them reads."""
        return self.filters.qs

    def _in_view(self) -> QuerySet[ApprovalRequest]:
        """A chosen status beats the view: rejected requests, say, are in none of the open ones."""
        person = reader(self.request)
        found = queries.seen_by(person)
        if self.query.get("state") in [state.value for state in State if state not in OPEN]:
            return found
        found = found.filter(queries.in_view(self.view, person, self.now))
        # Said twice, PostgreSQL takes it for two conditions, each of which few requests fulfil.
        return found if self.view in queries.BY_STATE else found.filter(state__in=OPEN)

    @cached_property
    def active(self) -> list[dict]:
        """The filters that are on, each with its words and the address without it."""
        found = []
        for name, field in self.filters.form.fields.items():
            value = self.query.get(name)
            if not value or name == "view" or name in self.filters.form.errors:
                continue
            shown = value
            if choices := getattr(field, "choices", None):
                shown = next((str(text) for key, text in choices if str(key) == value), value)
            remove = with_query(self.request, **{name: None, "cursor": None})
            found.append({"label": f"{field.label}: {visible(shown)}", "remove_url": remove})
        return found


def known_query(text: str, *more: str) -> str:
    """Of a query string only what the queue reads, and `more` names; in one order.

    "" for more fields than any list of ours has.
    """
    known = {"view", *more, *QueueFilter.base_filters}
    try:
        pairs = parse_qsl(text[:2000], max_num_fields=50) if is_storable(text) else []
    except ValueError:
        return ""
    return urlencode(sorted((name, value) for name, value in pairs if name in known))
