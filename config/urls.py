from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# Administrators sign in like everybody else: the admin's own form has no rate limits.
admin.site.login = secure_admin_login(admin.site.login)
admin.site.site_header = admin.site.site_title = "Approval Queue administration"
admin.site.index_title = "People, teams, queues and policies"

urlpatterns = [
    path("", include("approvals.urls")),
    path("", include("notifications.urls")),
    path("handoff/", include("handoffs.urls")),
    path("webhooks/", include("webhooks.urls")),
    path("audit/", include("auditing.urls")),
    path("policies/", include("policies.urls")),
    path("", include("rights.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "approvals.views.errors.bad_request"
handler403 = "approvals.views.errors.forbidden"
handler404 = "approvals.views.errors.not_found"
handler500 = "approvals.views.errors.broken"
