"""The pages of the record, under /audit/."""

from django.urls import path

from auditing.views import event, explorer, export, verification, vocabulary

urlpatterns = [
    path("", explorer.explorer, name="audit"),
    path("export/", export.export, name="audit_export"),
    path("events/<int:pk>/", event.event, name="audit_event"),
    path("catalogue/", vocabulary.catalogue_page, name="audit_catalogue"),
    path("verify/", verification.verification, name="audit_verify"),
    path("verify/check/", verification.check, name="audit_check"),
]
