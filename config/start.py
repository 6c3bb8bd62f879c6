"""The checks of every long-running process before it works."""

import sys

from django.conf import settings
from django.core import checks


def refuse_unsafe_settings() -> None:
    """Exit with the ids and messages of failed system checks; the texts contain no value of a setting."""
    found = [check for check in checks.run_checks() if check.level >= checks.ERROR]
    texts = [f"{check.id}: {check.msg}" for check in found]
    if settings.PRODUCTION and settings.OWNER_DATABASE_URL and not settings.AS_OWNER:
        texts.append("OWNER_DATABASE_URL: this process must not have the owner's login")
    if texts:
        sys.exit("lib-rdv does not start:\n" + "\n".join(texts))
