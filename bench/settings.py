"""The product as it is, with two more addresses: the floors that it is measured against."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
