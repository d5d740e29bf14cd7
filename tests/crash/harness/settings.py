"""The product's settings, and the seams at which the crash test makes it die."""

from config.settings import *  # noqa: F403 - it is the same product
from config.settings import INSTALLED_APPS, MIDDLEWARE

# Last, so that it finds everything else in its place.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.crash.harness.seams"]
MIDDLEWARE = ["tests.crash.harness.seams.failpoints.BeforeResponse", *MIDDLEWARE]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
