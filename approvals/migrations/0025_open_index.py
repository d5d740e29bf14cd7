from django.db import migrations, models

OPEN = ["pending", "sent_back", "approved", "executing", "retrying", "in_doubt", "needs_person"]
ORDER = ["rank", "due_order", "created_at", "id"]
COUNTED_BY = (
    "state",
    "cause",
    "queue",
    "requester_key",
    "owner",
    "kind",
    "due_at",
    "warn_at",
    "stranded_at",
    "held_at",
    "starts_at",
)


class Migration(migrations.Migration):
    """What the counts of the queue ask stands in the index of its order; pending ones have their own.

    Beside those who work meanwhile.
    """

    atomic = False

    dependencies = [("approvals", "0024_effect_key_once")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS request_open"
                    " ON approvals_approvalrequest (rank, due_order, created_at, id)"
                    " INCLUDE (state, cause, queue_id, requester_key, owner_id, kind, due_at, warn_at,"
                    " stranded_at, held_at, starts_at)"
                    " WHERE state IN ('pending', 'sent_back', 'approved', 'executing', 'retrying',"
                    " 'in_doubt', 'needs_person')",
                    "DROP INDEX CONCURRENTLY IF EXISTS request_open",
                ),
                migrations.RunSQL(
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS request_pending"
                    " ON approvals_approvalrequest (waiting_team_id) WHERE state = 'pending'",
                    "DROP INDEX CONCURRENTLY IF EXISTS request_pending",
                ),
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS request_queue_order",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS request_queue_order"
                    " ON approvals_approvalrequest (rank, due_order, created_at, id)"
                    " WHERE state IN ('pending', 'sent_back', 'approved', 'executing', 'retrying',"
                    " 'in_doubt', 'needs_person')",
                ),
            ],
            state_operations=[
                migrations.RemoveIndex("approvalrequest", "request_queue_order"),
                migrations.AddIndex(
                    "approvalrequest",
                    models.Index(
                        condition=models.Q(state__in=OPEN),
                        fields=ORDER,
                        include=COUNTED_BY,
                        name="request_open",
                    ),
                ),
                migrations.AddIndex(
                    "approvalrequest",
                    models.Index(
                        condition=models.Q(state="pending"),
                        fields=["waiting_team"],
                        name="request_pending",
                    ),
                ),
            ],
        )
    ]
