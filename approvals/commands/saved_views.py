"""Views of the queue that people keep for themselves: at most seven, each with a name."""

from datetime import datetime

from django.db import transaction

from accounts import access
from accounts.models import User
from approvals.commands.frame import bounded, required
from approvals.models import Queue, SavedView
from approvals.refusals import Invalid, NotFound
from audit.recorder import Target, record

MOST = 7
LONGEST_NAME, LONGEST_QUERY = 40, 500


def save_view(*, name: str, query: str, by: User, at: datetime) -> SavedView:
    """Keep `query` under `name`; the same name again replaces it. Raises `Invalid`."""
    name = required("name", name, "Give the view a name.", longest=LONGEST_NAME)
    query = bounded("name", query, longest=LONGEST_QUERY)
    with transaction.atomic():
        # One person's views change one after the other, so that two tabs cannot pass the limit.
        User.objects.select_for_update().get(pk=by.pk)
        mine = SavedView.objects.filter(user=by)
        if not mine.filter(name=name).exists() and mine.count() >= MOST:
            raise Invalid({"name": f"You have {MOST} views. Delete one of them first."})
        saved, _ = SavedView.objects.update_or_create(
            user=by, name=name, defaults={"query": query, "saved_at": at}
        )
        _tell("person.save_view", saved, by, at)
    return saved


def delete_view(*, number: int, by: User, at: datetime) -> str:
    """Forget one of the person's own views; its name. Raises `NotFound`."""
    with transaction.atomic():
        saved = SavedView.objects.select_for_update().filter(user=by, pk=number).first()
        if saved is None:
            raise NotFound("This view")
        _tell("person.delete_view", saved, by, at)
        saved.delete()
    return saved.name


def _tell(action: str, saved: SavedView, by: User, at: datetime) -> None:
    person = access.of(by, Queue)
    record(
        stream=person.stream,
        action=action,
        actor=person.actor,
        target=Target("view", str(saved.pk)),
        at=at,
        facts={"name": saved.name, "query": saved.query},
    )
