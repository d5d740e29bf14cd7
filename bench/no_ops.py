"""The floor of what a worker can do: procrastinate's own worker, with jobs that do nothing.

`python -m bench.no_ops --concurrency 8` runs one until SIGTERM. Its jobs are ordinary functions, as those
of the product are, on the same database with the same durable settings; done, they are deleted.
"""

import argparse
import functools

QUEUE = "floor"


@functools.cache
def worker_app():
    """An app with one task; the product's tasks are not among its own."""
    import procrastinate
    from procrastinate.contrib.django import DjangoApp
    from procrastinate.contrib.django.django_connector import DjangoConnector

    blueprint = procrastinate.Blueprint()
    blueprint.task(name="nothing", queue=QUEUE)(nothing)
    app = DjangoApp(connector=DjangoConnector())
    app.add_tasks_from(blueprint, namespace=QUEUE)
    return app


def nothing() -> None:
    pass


def main() -> None:
    import django

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concurrency", type=int, default=8)
    options = parser.parse_args()
    django.setup()
    app = worker_app()
    app.with_connector(app.connector.get_worker_connector()).run_worker(
        queues=[QUEUE], concurrency=options.concurrency, delete_jobs="successful"
    )


if __name__ == "__main__":
    main()
