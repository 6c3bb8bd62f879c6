"""P8: controller, data and retention, generated from the live settings (T-11, C-04, C-05)."""

from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from booking.erasure.deadlines import moment_of
from booking.formats import french
from booking.models import ExtraField, FormVersion, Location, Practice
from booking.patients import external_calendar, form_versions
from booking.patients.external_calendar import CalendarKind, ExternalCalendar
from booking.practice.legal_identity import LegalIdentity, legal_identity
from booking.rules.erasure import Moment
from booking.scheduling.catalogue import active_location_kinds, published_fields
from booking.web.public.page import (
    Site,
    patient_view,
    show,
)
from tenants.accounts.days import zone_of
from tenants.audit.queries import last_recorded_at

WRITTEN_ON = date(2026, 11, 28)
"""The date of the last change to the text of the privacy page; every change to that text updates it."""
DATING_VERBS = (
    "notice.changed",
    "calendar.connected",
    "calendar.disconnected",
    "calendar.level.0",
    "calendar.level.1",
    "calendar.level.2",
    "calendar.home_address.on",
    "calendar.home_address.off",
    "feed.opened",
    "feed.changed",
    "feed.revoked",
)
"""The audit verbs of changes to the page: its text, the recipients of an appointment, the data they receive."""


@patient_view("GET")
def privacy(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the privacy page: it changes in the same transaction as the form that it describes."""
    version = form_versions.published_version()
    practice, identity = site.practice, legal_identity(site.practice)
    found = external_calendar.calendars()
    google = [calendar for calendar in found if calendar.kind is CalendarKind.GOOGLE]
    fields = published_fields()
    context = {
        "fields": fields,
        "is_consented": any(field.legal_basis == ExtraField.Basis.CONSENT for field in fields),
        "identity": identity,
        "updated_on": _updated_on(version, identity, zone=zone_of(request)),
        "google": google,
        "feeds": [calendar for calendar in found if calendar.kind is CalendarKind.FEED],
        "safeguard": settings.GOOGLE_SAFEGUARD,
        "early": _names(google, Moment.AFTER_REMINDER),
        "addresses_stay": _has_home_visits()
        and not all(calendar.writes_home_address for calendar in google),
        "cleaned": _names(google, Moment.WITHIN_A_DAY),
        "reminder": french.minute_of_day(practice.reminder_minute),
        "days": practice.retention_days,
        "host_provider": settings.HOST_PROVIDER,
        "mail_provider": settings.MAIL_PROVIDER_NAME,
        "sms_provider": settings.SMS_PROVIDER_NAME,
        "librdv": settings.LIBRDV_IDENTITY,
        "is_health": practice.kind == Practice.PracticeKind.HEALTH,
        "answers_itself": practice.rights_contact == Practice.RightsContact.PRACTICE,
    }
    return show(request, site, "booking/privacy.html", context)


@patient_view("GET")
def legal_notice(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the legal notice."""
    context = {
        "host_provider": settings.HOST_PROVIDER,
        "identity": legal_identity(site.practice),
        "librdv": settings.LIBRDV_IDENTITY,
    }
    return show(request, site, "booking/legal_notice.html", context)


@patient_view("GET")
def accessibility(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the accessibility statement: the checks, the method and the contact."""
    return show(request, site, "booking/accessibility.html", {"librdv": settings.LIBRDV_IDENTITY})


@patient_view("GET")
def robots(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Exclude the pages of a single person from search engines."""
    lines = (
        "User-agent: *",
        "Disallow: /rdv/",
        "Disallow: /r/",
        "Disallow: /reserver/",
        "Disallow: /mes-donnees/",
        "Disallow: /mon-rendez-vous/",
        "Disallow: /agenda/",
        "",
    )
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def _has_home_visits() -> bool:
    return Location.LocationKind.HOME in active_location_kinds()


def _names(google: Iterable[ExternalCalendar], moment: Moment) -> str:
    """Return the practitioners whose patients with a phone number and a reminder are erased at ``moment``."""
    return ", ".join(
        calendar.practitioner
        for calendar in google
        if calendar.is_connected
        and moment_of(sync_state=calendar.sync_state, has_phone=True, is_home_visit=False) is moment
    )


def _updated_on(version: FormVersion | None, identity: LegalIdentity, *, zone: ZoneInfo) -> date:
    """Return the date of the last change of the page: text, settings, form, recipients, identity."""
    instants = [
        last_recorded_at(verbs=DATING_VERBS),
        version.published_at if version else None,
        identity.changed_at,
    ]
    return max([WRITTEN_ON, *(at.astimezone(zone).date() for at in instants if at)])
