"""Nobody is told of what happened before the product told anybody."""

from django.db import migrations

NEWEST = """
INSERT INTO notifications_follower (place_xid, place_id)
SELECT COALESCE(max(newest.xid), 0), COALESCE(max(newest.id), 0)
FROM (
    SELECT xid::text::bigint AS xid, id FROM audit_event
    WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY audit_event.xid DESC, id DESC LIMIT 1
) AS newest
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial"), ("audit", "0003_feed")]
    operations = [migrations.RunSQL(NEWEST, "DELETE FROM notifications_follower")]
