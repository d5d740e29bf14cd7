"""Who may manage webhooks: administrators, asked of the account as it stands now."""

from accounts.models import User


def may_manage(by: User) -> bool:
    account = User.objects.filter(pk=by.pk, is_active=True, is_service=False).first()
    return account is not None and (account.is_staff or account.is_superuser)
