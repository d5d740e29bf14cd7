"""Do the tables of jobs stay as small as the work in hand? A million jobs, sizes at each 100,000.

`python -m bench.job_tables [--jobs 1000000]`: the jobs do nothing and go through procrastinate's own
functions of the database (asked for, fetched, finished, removed), as a worker with
`delete_jobs="successful"` calls them, but without its round trips. One in a thousand fails, a month ago,
and the hourly clean-up runs after each 10,000. PostgreSQL's own autovacuum has its usual settings.
"""

import argparse
import time

from bench.database import own_database

AT_ONCE = 100
THROUGH = """
DO $$
DECLARE
    job procrastinate_jobs;
BEGIN
    PERFORM procrastinate_defer_jobs_v1(array_agg(ROW(
        'effects', 'bench.nothing', 0, NULL, NULL, '{"item_id": 1}'::jsonb, NULL
    )::procrastinate_job_to_defer_v1)) FROM generate_series(1, %s);
    LOOP
        job := procrastinate_fetch_job_v2(ARRAY['effects'], NULL);
        EXIT WHEN job.id IS NULL;
        IF job.id %% 1000 = 0 THEN
            PERFORM procrastinate_finish_job_v1(job.id, 'failed', false);
            UPDATE procrastinate_events SET at = at - interval '31 days' WHERE job_id = job.id;
        ELSE
            PERFORM procrastinate_finish_job_v1(job.id, 'succeeded', true);
        END IF;
    END LOOP;
END $$
"""
SIZES = """
SELECT
    (SELECT count(*) FROM procrastinate_jobs), (SELECT count(*) FROM procrastinate_events),
    pg_total_relation_size('procrastinate_jobs') / 1024,
    pg_total_relation_size('procrastinate_events') / 1024,
    pg_total_relation_size('procrastinate_periodic_defers') / 1024
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    options = parser.parse_args()
    with own_database():
        _push(options.jobs)


def _push(count: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from approvals import sweeping

    began, step = time.monotonic(), count // 10
    print("      jobs   rows of jobs and events   kB of jobs, events, periodic   jobs a second")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5min'")
        for done in range(AT_ONCE, count + 1, AT_ONCE):
            cursor.execute(THROUGH, [AT_ONCE])
            if done % 10_000 == 0:
                sweeping.forget_ended_jobs(at=timezone.now())
            if done % step == 0:
                cursor.execute(SIZES)
                jobs, events, *sizes = cursor.fetchone()
                rate = done / (time.monotonic() - began)
                print(
                    f"{done:>10,}   {jobs:>6,} {events:>6,}              "
                    f"{'  '.join(f'{size:>8,}' for size in sizes)}   {rate:>8,.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
