"""The pages of notifications."""

from django.urls import path

from notifications.views import inbox, settings, watching

urlpatterns = [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/read/", inbox.mark_read, name="mark_read"),
    path("inbox/watch/<ref:ref>/", watching.watch, name="watch_request"),
    path("me/notify/", settings.notify, name="notify"),
]
