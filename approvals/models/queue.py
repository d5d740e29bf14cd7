"""The desk that a request belongs to, and what people may do there."""

from django.db import models

from accounts.grants import GroupGrant, UserGrant


class Queue(models.Model):
    """The object that carries permissions: a grant is a team or person, a verb, a queue."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    kinds = models.JSONField(default=list, help_text="Slugs of the kinds that are asked for here.")
    policy = models.ForeignKey("Policy", models.PROTECT, related_name="queues")

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        permissions = [
            ("view_queue", "See its requests"),
            ("submit_request", "Ask for something"),
            (
                "decide_request",
                "Approve, reject and send back, as member of the step's team",
            ),
            ("operate_request", "Claim, release and keep requests moving"),
            ("answer_request", "See what support may tell a customer"),
            ("manage_policy", "Change its policy"),
            ("audit_queue", "See its requests and their record"),
            ("break_glass", "Decide in an emergency, looked at afterwards"),
        ]

    def __str__(self) -> str:
        return self.name


class QueueUserGrant(UserGrant):
    content_object = models.ForeignKey(Queue, models.CASCADE)


class QueueGroupGrant(GroupGrant):
    content_object = models.ForeignKey(Queue, models.CASCADE)
