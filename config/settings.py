"""Django's settings, by subject. Values from outside come from `config.env` only."""

from config import env
from config.database import databases
from config.logging import logging_config

ENV = env.read()
BASE_DIR = env.BASE_DIR
PRODUCT_VERSION = "0.1.0"

# --- Applications, lowest last -------------------------------------------------------------------
INSTALLED_APPS = [
    "demo",
    "notifications",
    "handoffs",
    "webhooks",
    "auditing",
    "policies",
    "rights",
    "approvals",
    "accounts",
    "audit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "guardian",
    "procrastinate.contrib.django",
    "django_filters",
    "django_htmx",
    "template_partials",
    "heroicons",
    "csp",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.Correlation",
    "config.observed.Observed",
    "config.browsers.KnownMethods",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "approvals.api.middleware.ProblemsForTheApi",
    "csp.middleware.CSPMiddleware",
    "config.middleware.SecurityHeaders",
    "config.browsers.NotForOtherSites",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.middleware.RefuseUnstorableText",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.sessions.SessionLimits",
    "config.middleware.SignedInForPages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.sessions.SecondFactorDue",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

# --- Database ------------------------------------------------------------------------------------
DATABASES = databases(ENV)

# --- Pages ---------------------------------------------------------------------------------------
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "approvals.views.frame.page_frame",
                "notifications.views.frame.beside_every_page",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024

# --- People --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.adapter.PeopleOnly",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.NotGuessedFirst"},
    {"NAME": "accounts.tokens.EndTokensWithThePassword"},
]
PASSWORD_WORDS = ENV.password_words
# How many proxies of ours a request passes; what others write into X-Forwarded-For is not believed.
TRUSTED_PROXY_COUNT = ALLAUTH_TRUSTED_PROXY_COUNT = ENV.trusted_proxy_count
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_ADAPTER = "accounts.adapter.ClosedDoors"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
PASSWORD_RESET_TIMEOUT = 3600
USERSESSIONS_ADAPTER = "accounts.sessions.Sessions"
USERSESSIONS_TRACK_ACTIVITY = True  # by config.sessions, not with each request
MFA_ADAPTER = "accounts.adapter.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are given by administrators
MFA_TOTP_ISSUER = "Approval Queue"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not ENV.https
SECOND_FACTOR_FOR = ENV.second_factor_for
SOCIALACCOUNT_ADAPTER = "accounts.adapter.KnownPeople"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = ENV.oidc.trusts_email if ENV.oidc else False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = SOCIALACCOUNT_EMAIL_AUTHENTICATION
SOCIALACCOUNT_PROVIDERS = ENV.oidc.providers if ENV.oidc else {}
# Wrong passwords and codes are counted where all web processes see them.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
    }
}
SESSION_COOKIE_AGE = 12 * 3600
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None  # guardian: nobody acts without a name

# --- Safety --------------------------------------------------------------------------------------
SECRET_KEY = ENV.secret_key
SECRET_KEY_FALLBACKS = ENV.secret_key_fallbacks
SECRETS = ENV.secrets  # all of them: hidden in logs and in what is kept of calls
AUDIT_ORIGIN = ENV.audit_origin
AUDIT_SIGNING_KEYS = ENV.audit_signing_keys
AUDIT_TRUSTED_KEYS = [*(key.public for key in ENV.audit_signing_keys), *ENV.audit_trusted_keys]
AUDIT_PLACES = ENV.audit_places
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.allowed_hosts
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENV.https
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if ENV.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.https
SESSION_COOKIE_NAME = "__Host-aq_session" if ENV.https else "aq_session"
CSRF_COOKIE_NAME = "__Host-aq_csrf" if ENV.https else "aq_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "approvals.views.errors.form_expired"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", *([ENV.oidc.origin] if ENV.oidc else [])],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": "/csp-reports/",
        "report-to": "csp",
    }
}

# --- What the product does -----------------------------------------------------------------------
APPROVAL_KINDS = [
    "approvals.kinds.refund.Refund",
    "approvals.kinds.account_change.AccountChange",
    "approvals.kinds.manual.Manual",
    *ENV.more_kinds,
]
STRIPE_API_KEY = ENV.stripe_api_key
STRIPE_API_BASE = ENV.stripe_api_base
STRIPE_WEBHOOK_SECRETS = ENV.stripe_webhook_secrets
STRIPE_TIMEOUT_S = ENV.stripe_timeout_s
ACCOUNT_SERVICE_URL = ENV.account_service_url
ACCOUNT_SERVICE_SECRET = ENV.account_service_secret
ACCOUNT_SERVICE_TIMEOUT_S = ENV.account_service_timeout_s
API_LIMIT_PER_TOKEN = ENV.api_limit_per_token
API_LIMIT_PER_ADDRESS = ENV.api_limit_per_address
API_LIMIT_OF_GUESSES = ENV.api_limit_of_guesses
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
# Jobs of these queues have slots of their own in each worker, and take none of the others'.
QUEUES_WITH_OWN_SLOTS = {"webhooks": 4, "mail": 1, "verification": 1}
WEBHOOK_TEST_ADDRESSES = ENV.webhook_test_addresses
WAITING_IS_DIVIDED_BY = ENV.speed  # 1 outside of demonstrations

# --- Mail ----------------------------------------------------------------------------------------
vars().update(ENV.email)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.email_from
SENDS_MAIL = bool(ENV.email_url)
BASE_URL = ENV.base_url

# --- What is told about it -----------------------------------------------------------------------
LOGGING_CONFIG = "config.logging.start"
LOGGING = logging_config(ENV)
METRICS_TOKEN = ENV.metrics_token
METRICS_DIR = ENV.metrics_dir
