from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = "Webhooks"

    # An endpoint is disabled, never removed: its history stays.
    table_rights = {"webhooks_endpoint": "SELECT, INSERT, UPDATE"}
