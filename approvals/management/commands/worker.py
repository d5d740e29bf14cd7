"""`worker`: carries out what is approved, asks about what is in doubt, sweeps."""

import asyncio
from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from procrastinate.contrib.django import app

from approvals.job_log import joined


class Command(BaseCommand):
    help = "Run a worker. Start as many as you like, on as many machines; restart one that ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=8)
        parser.add_argument("--name", default="worker")

    def handle(self, *args: object, concurrency: int, name: str, **options: object) -> None:
        asyncio.run(_work(concurrency, name))


async def _work(concurrency: int, name: str) -> None:
    """On an app of its own: the process's shared one keeps deferring through Django (trap 2)."""
    worker_app = app.with_connector(app.connector.get_worker_connector())
    async with worker_app.open_async():
        await worker_app.run_worker_async(
            name=name,
            concurrency=concurrency,
            delete_jobs="successful",
            shutdown_graceful_timeout=30,
            fetch_job_polling_interval=2,
            worker_middleware=[joined],
        )
