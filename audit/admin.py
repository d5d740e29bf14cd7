"""The record, to be read. The database refuses any change of it, whoever asks."""

from django.contrib import admin
from django.http import HttpRequest

from audit.models import Event


class ReadOnly(admin.ModelAdmin):
    """To be read: nothing here is added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("recorded_at", "stream", "seq", "action", "outcome", "actor_label")
    list_filter = ("outcome", "action")
    search_fields = ("stream", "target_id", "actor_label")
    show_full_result_count = False
