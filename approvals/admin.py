"""Administration: queues can be edited; their grants and what happened can only be read."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import Recorded, ToRead
from approvals.models import (
    ApprovalRequest,
    Attempt,
    Decision,
    Policy,
    PolicyVersion,
    Queue,
    QueueGroupGrant,
    QueueUserGrant,
)
from audit.admin import ReadOnly


class TeamGrants(ToRead):
    model = QueueGroupGrant
    verbose_name, verbose_name_plural = "right of a team", "rights of teams: /access/ changes them"


class PersonGrants(ToRead):
    model = QueueUserGrant
    verbose_name = "right of a person"
    verbose_name_plural = "rights of single people: /access/ changes them"


@admin.register(Queue)
class QueueAdmin(Recorded):
    list_display = ("name", "slug", "policy")
    inlines = (TeamGrants, PersonGrants)

    def get_readonly_fields(self, request: HttpRequest, obj: Queue | None = None) -> tuple:
        """Which rules hold for which kinds is not switched by one person: drafts are published."""
        return ("slug", "kinds", "policy") if obj else ()


@admin.register(Policy)
class PolicyAdmin(ReadOnly):
    list_display = ("name", "slug", "live")


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly):
    list_display = ("policy", "number", "loaded_at", "loaded_by")


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnly):
    list_display = ("ref", "kind", "state", "queue", "customer", "created_at")
    list_filter = ("state", "kind", "queue")
    search_fields = ("ref", "customer", "ticket")


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ("item", "choice", "decided_by", "revision", "step", "decided_at")
    list_select_related = ("item", "decided_by")


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = ("effect", "number", "purpose", "outcome", "cause", "started_at")
    list_select_related = ("effect",)
