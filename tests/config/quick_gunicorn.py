"""The configuration of gunicorn with deadlines of two seconds, for tests that wait until they have passed."""

from config import web_worker
from config.gunicorn import *  # noqa: F403  # a configuration is a module of names

for name in ("HEAD_SECONDS", "BODY_SECONDS", "PICTURE_SECONDS", "LINGER_SECONDS"):
    setattr(web_worker, name, 2)
