from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from approvals import erasing
        from notifications.notices import forget

        erasing.ALSO.append(forget)
