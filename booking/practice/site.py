"""Supplies the facts of booking to the practice's website and publishes it with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from booking.models import AppointmentType, Location, Practice, Practitioner
from tenants.accounts.models import User
from tenants.website.content import Listed, PracticeFacts
from tenants.website.models import Publication
from tenants.website.professions import Mention
from tenants.website.services import publication as publishing


def practice_facts(practice: Practice, practitioners: Sequence[Practitioner]) -> PracticeFacts:
    """Return the facts that the website reads from the settings: two queries, for places and prices."""
    has_address = any(
        place.street and place.town
        for place in Location.objects.filter(is_active=True, kind=Location.LocationKind.OFFICE)
    )
    online = AppointmentType.objects.filter(
        is_active=True, channel=AppointmentType.BookableBy.ONLINE
    ).values_list("price_text", flat=True)
    prices = list(online)
    values = {
        Mention.NAME: practice.name,
        Mention.ADDRESS: has_address,
        Mention.PHONE: practice.phone,
        Mention.EMAIL: practice.email,
        Mention.PRICES: prices and all(prices),
    }
    return PracticeFacts(
        presentation=practice.about,
        payment=practice.payment_text,
        people=[
            Listed(practitioner.ref, practitioner.name, practitioner.title)
            for practitioner in practitioners
        ],
        mentions=frozenset(mention for mention, value in values.items() if value),
        profession=practice.profession,
    )


@transaction.atomic
def publish(
    *, known: PracticeFacts, by: User | None, seen: str | None, actor: str, now: datetime
) -> Publication:
    """Publish the website and clear ``about`` and ``payment_text`` of Practice, which the website now contains.

    Raises CannotPublish, EditedMeanwhile.
    """
    publication = publishing.publish(known=known, by=by, seen=seen, actor=actor, now=now)
    Practice.objects.exclude(about="", payment_text="").update(about="", payment_text="")
    return publication


@dataclass(frozen=True)
class Facts:
    """The rows of the settings that the questionnaire of the website does not ask for again (G-08)."""

    appointment_types: Sequence[AppointmentType]
    places: Sequence[Location]


_FACTS_SHOWN = 12


def facts() -> Facts:
    """Return the active appointment types (with durations and prices) and places, 12 of each at most."""
    return Facts(
        appointment_types=list(AppointmentType.objects.filter(is_active=True)[:_FACTS_SHOWN]),
        places=list(Location.objects.filter(is_active=True)[:_FACTS_SHOWN]),
    )
