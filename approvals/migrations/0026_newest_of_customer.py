from django.db import migrations, models

import approvals.models.search

SEARCH_KEY = approvals.models.search.SearchKey("customer")


class Migration(migrations.Migration):
    """The newest requests of a customer stand together in an index. Beside those who work meanwhile."""

    atomic = False

    dependencies = [("approvals", "0025_open_index")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS request_newest_of_customer"
                    " ON approvals_approvalrequest"
                    f" ((translate(lower(customer), '{approvals.models.search.BETWEEN}', '')"
                    ' COLLATE "C"), created_at DESC, id DESC)',
                    "DROP INDEX CONCURRENTLY IF EXISTS request_newest_of_customer",
                ),
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY IF EXISTS request_called_customer",
                    "CREATE INDEX CONCURRENTLY IF NOT EXISTS request_called_customer"
                    " ON approvals_approvalrequest"
                    f" ((translate(lower(customer), '{approvals.models.search.BETWEEN}', '')"
                    ' COLLATE "C"))',
                ),
            ],
            state_operations=[
                migrations.RemoveIndex("approvalrequest", "request_called_customer"),
                migrations.AddIndex(
                    "approvalrequest",
                    models.Index(
                        SEARCH_KEY,
                        models.F("created_at").desc(),
                        models.F("id").desc(),
                        name="request_newest_of_customer",
                    ),
                ),
            ],
        )
    ]
