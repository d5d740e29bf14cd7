from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts import entrance, single_sign_on
from config import violations

# Administrators sign in like everybody else: the admin's own form has no rate limits.
admin.site.login = secure_admin_login(admin.site.login)
admin.site.site_header = admin.site.site_title = "Approval Queue administration"
admin.site.index_title = "People, teams, queues and policies"

# Whoever could edit one of these alone could sign in as somebody else.
for kept in (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, UserSession):
    admin.site.unregister(kept)

urlpatterns = [
    path("", include("approvals.urls")),
    path("", include("notifications.urls")),
    path("handoff/", include("handoffs.urls")),
    path("webhooks/", include("webhooks.urls")),
    path("audit/", include("auditing.urls")),
    path("policies/", include("policies.urls")),
    path("", include("rights.urls")),
    path("csp-reports/", violations.report, name="csp_reports"),
    # Addresses are changed by administrators, two of them (rights).
    path("accounts/email/", RedirectView.as_view(url="/me/"), name="account_email"),
    path("accounts/login/", entrance.sign_in),
    path("accounts/password/reset/", entrance.ask_for_link),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        entrance.choose_password,
    ),
    path("accounts/oidc/<slug:provider_id>/login/", single_sign_on.login),
    path("accounts/oidc/<slug:provider_id>/login/callback/", single_sign_on.callback),
    path("accounts/sessions/", entrance.sessions),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "approvals.views.errors.bad_request"
handler403 = "approvals.views.errors.forbidden"
handler404 = "approvals.views.errors.not_found"
handler500 = "approvals.views.errors.broken"
