"""What is recorded of endpoints of webhooks."""

from audit.vocabulary import Word

WORDS = [
    Word("webhook.create", "Endpoint made", "webhook", ("name", "url", "actions", "queues")),
    Word("webhook.change", "Endpoint changed", "webhook"),
    Word("webhook.rotate", "Secret replaced", "webhook"),
    Word("webhook.disable", "Disabled: nothing is sent to it", "webhook"),
    Word("webhook.enable", "Enabled", "webhook"),
    Word("webhook.test", "Test event sent", "webhook"),
    Word("webhook.replay", "Deliveries replayed: {deliveries}", "webhook", ("deliveries",)),
]
