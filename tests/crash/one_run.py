"""`python -m tests.crash.one_run ITEM_ID`: what one job of one worker does, in a process to kill."""

import os
import sys

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from approvals import execution, jobs

    print("running", flush=True)
    print(
        execution.run(int(sys.argv[1]), wake=lambda item_id, at: jobs.wake(item_id, at, "refund")),
        flush=True,
    )
