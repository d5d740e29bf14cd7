"""The product as it is, with one more address: the floor that its API is measured against."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
