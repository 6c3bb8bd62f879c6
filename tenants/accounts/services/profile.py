"""The name of an account, shown to the practice's team and in e-mails."""

from datetime import datetime

from tenants.accounts.models import User
from tenants.audit.services import actor_of, record


def rename(*, user: User, name: str, now: datetime) -> None:
    """Change the name of an account; patients see the agenda's name instead."""
    user.name = name.strip()
    user.save(update_fields=["name"])
    record(verb="profile.saved", ref=user.ref, actor=actor_of(user.pk), now=now)
