"""Replacements of a practitioner: announced to patients by name; the access ends with the dates (B-15)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from booking.models import Practitioner, Replacement
from booking.rules.errors import BookingError
from tenants.accounts.models import Role, User
from tenants.accounts.services.invitations import Invited, invite
from tenants.audit import services as audit


class AlreadyReplaced(BookingError):  # named after what happened
    """The practitioner already has a replacement on one of these days."""


@dataclass(frozen=True)
class Announced:
    """A replacement to announce, both local dates included; with an e-mail address the substitute is invited."""

    practitioner: Practitioner
    substitute_name: str
    from_on: date
    to_on: date
    email: str = ""


def add(*, announced: Announced, by: User, actor: str, now: datetime) -> Replacement:
    """Create a Replacement and invite the substitute. Raises AlreadyReplaced when the days overlap another one."""
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
    audit.record(verb="replacement.added", ref=replacement.ref, actor=actor, now=now)
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


def with_practitioner() -> QuerySet[Replacement]:
    """Return the replacements, each with its practitioner."""
    return Replacement.objects.select_related("practitioner")


def ending_from(day: date) -> QuerySet[Replacement]:
    """Return the replacements whose last local day is ``day`` or later."""
    return with_practitioner().filter(to_on__gte=day)


def remove(*, replacement: Replacement, actor: str, now: datetime) -> None:
    """Delete a Replacement. A membership of the substitute stays; it is revoked on the team page."""
    ref = replacement.ref
    replacement.delete()
    audit.record(verb="replacement.removed", ref=ref, actor=actor, now=now)
