"""The settings of every process, read from the environment (see docs/running.md for the variables)."""

import os
import tempfile
from pathlib import Path

import environ

from tenants.backup import sealing
from tenants.keyring.keks import DEMO_KEK
from tenants.keyring.keks import load as load_keks

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Mode of this process -----------------------------------------------------------------------
DEMO = env.bool("LIBRDV_DEMO", default=False)
TESTING = env.bool("LIBRDV_TESTING", default=False)
AS_OWNER = env.bool("LIBRDV_AS_OWNER", default=False)
IS_LOCAL = DEMO or TESTING
DEBUG = False
SECRET_KEY = env("SECRET_KEY", default="local-only-" + "0" * 50 if IS_LOCAL else environ.Env.NOTSET)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- Hosts --------------------------------------------------------------------------------------
APEX = env("APEX", default="lib-rdv.localhost")
PUBLIC_HOSTS = tuple(env.list("PUBLIC_HOSTS", default=[APEX, f"www.{APEX}"]))
PUBLIC_PORT = env("PUBLIC_PORT", default="8000" if IS_LOCAL else "")
SCHEME = env("SCHEME", default="http" if IS_LOCAL else "https")
# tenants.routing decides: an unknown host is a 404. Django's list would need a change for each client.
ALLOWED_HOSTS = ["*"]
USE_X_FORWARDED_HOST = False
SECURE_PROXY_SSL_HEADER = None if IS_LOCAL else ("HTTP_X_FORWARDED_PROTO", "https")

# --- Apps: those in both lists have their tables in every schema (design section 3) -----------
_BOTH = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "tenants.accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "tenants.keyring",
    "tenants.outbox",
    "tenants.audit",
]
_BILLING = ["billing.clients", "billing.catalogue", "billing.orders", "billing.invoicing"]
SHARED_APPS = ["django_tenants", "tenants", *_BOTH, *_BILLING]
TENANT_APPS = [*_BOTH, "tenants.website", "booking"]
_WITHOUT_TABLES = [
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "dramatiq_crontab",
    "tenants.desk",
    "compliance.retention",
    "config",
]
INSTALLED_APPS = list(dict.fromkeys([*SHARED_APPS, *TENANT_APPS, *_WITHOUT_TABLES]))
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Database: one login for the web and the workers, another for migrations and provisioning ----
APP_ROLE = env("APP_ROLE", default="app")
OWNER_DATABASE_URL = env("OWNER_DATABASE_URL", default="")
# libpq waits for minutes for an unreachable host; a probe must fail within seconds.
os.environ.setdefault("PGCONNECT_TIMEOUT", "5")
DATABASES = {
    "default": {
        **env.db_url(
            "OWNER_DATABASE_URL" if AS_OWNER else "DATABASE_URL", default="postgres:///librdv"
        ),
        "ENGINE": "django_tenants.postgresql_backend" if AS_OWNER else "tenants.database",
        "CONN_MAX_AGE": 0 if AS_OWNER else 600,
        "CONN_HEALTH_CHECKS": False,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "TEST": {"MIGRATE": False},
    }
}
PG_BIN = env("PG_BIN", default="")

# --- Keys (design section 4) ----------------------------------------------------------------------
PRODUCTION = not IS_LOCAL
KEKS = load_keks(os.environ) or ([DEMO_KEK] if IS_LOCAL else [])
# The erasure ledger is outside the database and never restored from a backup.
ERASURE_LEDGER = env("ERASURE_LEDGER", default=str(BASE_DIR / ".cache" / "erasures.ledger"))

# --- Backups: the main dump for 30 days, the keys in a dump of their own for 7 (B-20, S-27) -----------
BACKUP_DIR = env("BACKUP_DIR", default=str(BASE_DIR / ".cache" / "backups"))
KEY_BACKUP_DIR = env("KEY_BACKUP_DIR", default=f"{BACKUP_DIR}/keys")
BACKUP_KEY = sealing.parse_key(env("LIBRDV_BACKUP_KEY", default=""))

# --- Broker, cache --------------------------------------------------------------------------------
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
BROKER_URL = env("BROKER_URL", default=REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    }
}
# How long one worker owns an entry of the outbox, and the first wait after a failure (doubled each time)
OUTBOX_LEASE_SECONDS = env.float("OUTBOX_LEASE_SECONDS", default=60)
OUTBOX_BACKOFF_SECONDS = env.float("OUTBOX_BACKOFF_SECONDS", default=5)
DRAMATIQ_CRONTAB = {"REDIS_URL": REDIS_URL}

# --- Requests -------------------------------------------------------------------------------------
ROOT_URLCONF = "config.urls_tenant"
PUBLIC_SCHEMA_URLCONF = "config.urls_public"
CUSTOM_DOMAIN_URLCONF = "config.urls_custom"
CONNECT_URLCONF = "config.urls_connect"
WSGI_APPLICATION = "config.wsgi.application"
MIDDLEWARE = [
    "config.request_log.RequestLog",  # outermost: it sees the final response
    # Headers next, so that files, probes and errors have them too
    "django.middleware.security.SecurityMiddleware",
    "config.headers.Headers",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.health.middleware.HealthProbes",  # before host routing: probes come by address
    "config.request_body.BodyFirst",  # a slow sender must not hold a transaction
    "tenants.middleware.UnitOfWork",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenants.accounts.idle.IdleTimeout",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "tenants.busy.BusyAnswer",
    "tenants.middleware.LibraryHooks",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "config.template_loader.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            # Tags of `booking/web`: Django finds by itself only those in the root of an app.
            "libraries": {
                "french": "booking.web.templatetags.french",
                "site": "booking.web.templatetags.site",
            },
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Pictures of a practice's website are the only uploads: bounded in size, in memory, never on disk.
FILE_UPLOAD_HANDLERS = ["tenants.website.uploads.BoundedUpload"]
DATA_UPLOAD_MAX_NUMBER_FILES = 2
# Fields of a form, and parameters of an address: the longest form has some 200 (the hours of a week).
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# --- Sessions and cookies: per host and schema, deleted when the browser closes --------------------
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 12 * 3600
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Headers --------------------------------------------------------------------------------------
SECURE_HSTS_SECONDS = 0 if IS_LOCAL else 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not IS_LOCAL  # not on clients' own domains
SECURE_SSL_REDIRECT = not IS_LOCAL  # Caddy redirects first; this covers requests that bypass it
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|promises|ask)$"]  # probes speak plain HTTP on loopback
# Patient pages set no-referrer themselves; signed-in forms need the Origin header for the CSRF check.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": [],
    "geolocation": [],
    "microphone": [],
    "payment": [],
    "usb": [],
}

# --- Publisher and host provider, on every legal page (T-11) ---------------------------------------
LIBRDV_IDENTITY = {
    "name": env("LIBRDV_NAME", default="lib-rdv"),
    "address": env("LIBRDV_ADDRESS", default="1 avenue des Italiens, 64210 Bidart"),
    "phone": env("LIBRDV_PHONE", default="05 59 23 08 04"),
}
DEMO_HOST_PROVIDER = {
    "name": "hébergeur de démonstration",
    "address": "cette machine",
    "phone": "sans téléphone",
}
HOST_PROVIDER = {
    "name": env("HOST_PROVIDER_NAME", default=DEMO_HOST_PROVIDER["name"]),
    "address": env("HOST_PROVIDER_ADDRESS", default=DEMO_HOST_PROVIDER["address"]),
    "phone": env("HOST_PROVIDER_PHONE", default=DEMO_HOST_PROVIDER["phone"]),
}

# --- Language and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # pages convert to the practice's zone

# --- Static files -----------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env("STATIC_ROOT", default=None if IS_LOCAL else str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
WHITENOISE_USE_FINDERS = IS_LOCAL
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Mail and SMS: external services, each behind one module ------------------------------------------
_EMAIL_URL = env("EMAIL_URL", default="")
EMAIL_IS_SET = bool(_EMAIL_URL)
EMAIL_CONFIG = env.email_url_config(_EMAIL_URL or "smtp://127.0.0.1:2525")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
# "smtp" (any relay, at-least-once delivery) or "brevo" (HTTP API with idempotency keys)
MAIL_PROVIDER = env("MAIL_PROVIDER", default="smtp")
EMAIL_BACKEND = {
    "smtp": "tenants.email_transport.SmtpBackend",
    "brevo": "tenants.email_transport.BrevoBackend",
}[MAIL_PROVIDER]
# The names of the providers on the privacy page (T-11); the default for Brevo is its name.
MAIL_PROVIDER_NAME = env("MAIL_PROVIDER_NAME", default="Brevo" if MAIL_PROVIDER == "brevo" else "")
MAIL_RELAY_IS_LOCAL = env.bool("MAIL_RELAY_IS_LOCAL", default=False)
SMS_GATEWAY = env("SMS_GATEWAY", default="")  # "" (no SMS) or "brevo"
SMS_PROVIDER_NAME = env("SMS_PROVIDER_NAME", default="Brevo" if SMS_GATEWAY == "brevo" else "")
SMS_SENDER = env("SMS_SENDER", default="RDV")
BREVO_API_KEY = env("BREVO_API_KEY", default="")
# Google Agenda (docs/running.md): without a client id the dashboard does not offer it.
GOOGLE_CLIENT_ID = env("GOOGLE_CLIENT_ID", default="")
GOOGLE_CLIENT_SECRET = env("GOOGLE_CLIENT_SECRET", default="")
CONNECT_HOST = env("CONNECT_HOST", default=f"connect.{APEX}")
_CONNECT_PORT = f":{PUBLIC_PORT}" if PUBLIC_PORT else ""
GOOGLE_REDIRECT_URI = env(
    "GOOGLE_REDIRECT_URI", default=f"{SCHEME}://{CONNECT_HOST}{_CONNECT_PORT}/google/retour"
)
# The address of Google's notifications about changed calendars; empty: calendars are only polled.
GOOGLE_SIGNAL_URL = env("GOOGLE_SIGNAL_URL", default="")
# Google's consent page, to which the practitioner's browser is redirected; the server never requests it.
GOOGLE_CONSENT_URL = env(
    "GOOGLE_CONSENT_URL", default="https://accounts.google.com/o/oauth2/v2/auth"
)
GOOGLE_ISSUER = env("GOOGLE_ISSUER", default="https://accounts.google.com")
# The safeguard for transfers outside the European Union, shown to patients (T-11): keep it correct
GOOGLE_SAFEGUARD = env(
    "GOOGLE_SAFEGUARD",
    default="le cadre de protection des données UE–États-Unis et les clauses types de la Commission européenne",
)
# The first wait after a failed call, doubled each time, and the longest (design section 11)
GOOGLE_BACKOFF_SECONDS = env.float("GOOGLE_BACKOFF_SECONDS", default=1)
GOOGLE_LONGEST_WAIT_SECONDS = env.float("GOOGLE_LONGEST_WAIT_SECONDS", default=900)
GOOGLE_TIMEOUT_SECONDS = env.float("GOOGLE_TIMEOUT_SECONDS", default=10)
GOOGLE_BREAKER_SECONDS = env.float("GOOGLE_BREAKER_SECONDS", default=120)
# How long a worker's lease of an account lasts without renewal
GOOGLE_LEASE_SECONDS = env.float("GOOGLE_LEASE_SECONDS", default=60)
# Every origin that tenants.http_gateway may request over HTTP.
OUTBOUND = {
    "brevo": env("BREVO_API_URL", default="https://api.brevo.com/v3/"),
    "google_calendar": env("GOOGLE_API_URL", default="https://www.googleapis.com/"),
    "google_oauth": env("GOOGLE_OAUTH_URL", default="https://oauth2.googleapis.com/"),
}
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default=f"rendez-vous@{APEX}")
STAFF_EMAIL = env("STAFF_EMAIL", default=f"equipe@{APEX}")
MAIL_SPOOL = env("MAIL_SPOOL", default="")  # demo only: the folder that /courrier/ shows

# --- Metrics: read by one exporter, on a port of their own ------------------------------------------
METRICS_BIND = env("METRICS_BIND", default="127.0.0.1")
METRICS_PORT = env.int("METRICS_PORT", default=9464)
SECURITY_LOG = env("SECURITY_LOG", default="")  # config/logs.py writes it
METRICS_DIR = env("METRICS_DIR", default="")  # shared by all processes; tenants/metrics.py reads it

# --- Concurrency limits: locked files, shared by the processes that the bounds cover -------------------
# The tests of one process share no place with those of another.
_PLACES = f"lib-rdv-{os.getuid()}{f'-{os.getpid()}' if TESTING else ''}"
CONCURRENCY_DIR = env("CONCURRENCY_DIR", default=f"{tempfile.gettempdir()}/{_PLACES}")

# --- Accounts (tenants/accounts) --------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0 if IS_LOCAL else 1)
PASSWORD_HASHERS = [
    "tenants.accounts.hashers.LimitedArgon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "tenants.accounts.passwords.LongEnough"},
    {"NAME": "tenants.accounts.passwords.NotKnown"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
DESK_HOME = "clients:list"  # the start page of lib-rdv's staff
PASSWORD_RESET_TIMEOUT = 3600  # S-04: one hour at most
ACCOUNT_ADAPTER = "tenants.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # the invitation's link has proved the address
ACCOUNT_EMAIL_CONFIRMATION_HMAC = False  # its key would verify an address in another tenant
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "tenants.accounts.tokens.ResetTokenGenerator"  # noqa: S105
ACCOUNT_FORMS = {
    "login": "tenants.accounts.forms.SignInForm",
    "reset_password": "tenants.accounts.forms.PasswordResetRequestForm",
    "change_password": "tenants.accounts.forms.PasswordChangeForm",
    "set_password": "tenants.accounts.forms.FirstPasswordForm",
    "reset_password_from_key": "tenants.accounts.forms.ChosenPasswordForm",
    "reauthenticate": "tenants.accounts.forms.PasswordAgainForm",
}
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# None of allauth's limits: they count in the cache, and without Redis nobody would sign in. Ours count passwords
# by axes and by network (tenants/accounts/limits.py, network_tries.py), codes in the database (services/codes.py).
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
MFA_ADAPTER = "tenants.accounts.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_LOCAL
MFA_TOTP_ISSUER = "lib-rdv"
MFA_TOTP_TOLERANCE = (
    1  # clocks may differ by one period of 30 s; services/codes.py accepts each code once
)
MFA_FORMS = {
    "authenticate": "tenants.accounts.forms.CodeForm",
    "reauthenticate": "tenants.accounts.forms.CodeAgainForm",
    "activate_totp": "tenants.accounts.forms.AuthenticatorForm",
    "add_webauthn": "tenants.accounts.forms.AddedKeyForm",
    "edit_webauthn": "tenants.accounts.forms.RenamedKeyForm",
    "login_webauthn": "tenants.accounts.forms.KeySignInForm",
    "reauthenticate_webauthn": "tenants.accounts.forms.KeyAgainForm",
}
AXES_HANDLER = "tenants.accounts.limits.FailureHandler"
AXES_USERNAME_CALLABLE = "tenants.accounts.limits.username_of"
AXES_CLIENT_IP_CALLABLE = "tenants.accounts.limits.counted_address"
AXES_FAILURE_LIMIT = 1  # the handler returns 1 for a locked network
AXES_LOCKOUT_CALLABLE = "tenants.accounts.limits.locked_answer"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # no permanent lock-out (S-04)
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_SENSITIVE_PARAMETERS = ["login", "email", "username", "name", "code", "csrfmiddlewaretoken"]
AXES_VERBOSE = False

# --- Logs: structured, by allow-list (S-22 to S-24) ---------------------------------------------------
LOGGING_CONFIG = "config.logs.configure"
LOGGING = {"level": env("LOG_LEVEL", default="INFO"), "hooks": PRODUCTION}
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
