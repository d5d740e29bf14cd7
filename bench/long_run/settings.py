"""The product's settings and the floors, under a load that comes from one address."""

from bench.settings import *  # noqa: F403

API_LIMIT_PER_TOKEN = API_LIMIT_PER_ADDRESS = (1_000_000, 1)  # calls, seconds
