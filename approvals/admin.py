"""Administration: queues and their grants can be edited, what happened can only be read."""

from django.contrib import admin

from accounts.admin import Recorded
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


class _OnQueue:
    """Only permissions that belong to queues can be given on one."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "permission":
            model = db_field.related_model
            kwargs["queryset"] = model.objects.filter(
                content_type__app_label="approvals", content_type__model="queue"
            ).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class TeamGrants(_OnQueue, admin.TabularInline):
    model = QueueGroupGrant
    extra = 0
    verbose_name, verbose_name_plural = "right of a team", "rights of teams"


class PersonGrants(_OnQueue, admin.TabularInline):
    model = QueueUserGrant
    extra = 0
    verbose_name, verbose_name_plural = "right of a person", "rights of single people"


@admin.register(Queue)
class QueueAdmin(Recorded):
    list_display = ("name", "slug", "policy")
    inlines = (TeamGrants, PersonGrants)


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
