"""The entry point for gunicorn."""

import os
import warnings

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Static files come from the packages themselves where nobody has collected them.
warnings.filterwarnings("ignore", message="No directory at")

application = get_wsgi_application()
