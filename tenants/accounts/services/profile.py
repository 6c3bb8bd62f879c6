"""The person's own name, as the team and the greetings show it."""

from datetime import datetime

from tenants.accounts.models import User
from tenants.trail.services import actor_of, record


def rename(*, user: User, name: str, now: datetime) -> None:
    """Change the name of the account; the name that patients see is the agenda's."""
    user.name = name.strip()
    user.save(update_fields=["name"])
    record(verb="profile.saved", ref=user.ref, actor=actor_of(user.pk), now=now)
