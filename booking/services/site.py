"""What booking knows for the practice's pages, and publishing with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from booking.models import AppointmentType, Location, Practice, Practitioner
from tenants.accounts.models import User
from tenants.website.content import Known, Listed
from tenants.website.models import Publication
from tenants.website.professions import Mention
from tenants.website.services import publishing


def known_of(practice: Practice, practitioners: Sequence[Practitioner]) -> Known:
    """Return what the settings say already: two queries, for places and prices."""
    has_address = any(
        place.street and place.town
        for place in Location.objects.filter(is_active=True, kind=Location.Kind.OFFICE)
    )
    online = AppointmentType.objects.filter(
        is_active=True, channel=AppointmentType.Channel.ONLINE
    ).values_list("price_text", flat=True)
    prices = list(online)
    held = {
        Mention.NAME: practice.name,
        Mention.ADDRESS: has_address,
        Mention.PHONE: practice.phone,
        Mention.EMAIL: practice.email,
        Mention.PRICES: prices and all(prices),
    }
    return Known(
        presentation=practice.about,
        payment=practice.payment_text,
        people=[Listed(who.ref, who.name, who.title) for who in practitioners],
        mentions=frozenset(mention for mention, value in held.items() if value),
        profession=practice.profession,
    )


@transaction.atomic
def publish(
    *, known: Known, by: User | None, seen: str | None, actor: str, now: datetime
) -> Publication:
    """Publish the pages; the two sentences that the settings held before are theirs from now on.

    Raises CannotPublish, EditedMeanwhile.
    """
    publication = publishing.publish(known=known, by=by, seen=seen, actor=actor, now=now)
    Practice.objects.exclude(about="", payment_text="").update(about="", payment_text="")
    return publication


@dataclass(frozen=True)
class Facts:
    """What need not be asked again, because it stands in the settings (G-08)."""

    motifs: Sequence[AppointmentType]
    places: Sequence[Location]


_FACTS_SHOWN = 12


def facts() -> Facts:
    """Return the motifs (with durations and prices) and the places that patients see already."""
    return Facts(
        motifs=list(AppointmentType.objects.filter(is_active=True)[:_FACTS_SHOWN]),
        places=list(Location.objects.filter(is_active=True)[:_FACTS_SHOWN]),
    )
