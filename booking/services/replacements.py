"""Somebody else receives for some days: patients are told who, access ends with the dates (B-15)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from booking.errors import BookingError
from booking.models import Practitioner, Replacement
from tenants.accounts.models import Role, User
from tenants.accounts.services.invitations import Invited, invite
from tenants.trail import services as trail


class AlreadyReplaced(BookingError):  # named after what happened
    """Somebody else already replaces this practitioner on one of these days."""


@dataclass(frozen=True)
class Announced:
    """Who receives in whose place, both days included; with an address, the person is invited."""

    practitioner: Practitioner
    substitute_name: str
    from_on: date
    to_on: date
    email: str = ""


def add(*, announced: Announced, by: User, actor: str, now: datetime) -> Replacement:
    """Announce a replacement; AlreadyReplaced when somebody else has one of these days."""
    replacement = Replacement(
        practitioner=announced.practitioner,
        substitute_name=announced.substitute_name,
        from_on=announced.from_on,
        to_on=announced.to_on,
    )
    try:
        with transaction.atomic():
            replacement.save(force_insert=True)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23P01":
            raise
        raise AlreadyReplaced from None
    trail.record(verb="replacement.added", ref=replacement.ref, actor=actor, now=now)
    if announced.email:
        invited = Invited(
            email=announced.email,
            role=Role.REPLACEMENT,
            name=announced.substitute_name,
            from_on=announced.from_on,
            until_on=announced.to_on,
            practitioner_ref=announced.practitioner.ref,
        )
        invite(invited=invited, invited_by=by, actor=actor, now=now)
    return replacement


def remove(*, replacement: Replacement, actor: str, now: datetime) -> None:
    """Take the announcement back; an access already opened is revoked in the team's page."""
    ref = replacement.ref
    replacement.delete()
    trail.record(verb="replacement.removed", ref=ref, actor=actor, now=now)
