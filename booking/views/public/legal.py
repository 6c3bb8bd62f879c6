"""P8: who is responsible, what is kept and until when, generated from the live settings (T-11, C-04, C-05)."""

from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from booking import french
from booking.erasure import Moment
from booking.models import ExtraField, FormVersion, Practice
from booking.services import outside
from booking.services.deadlines import moment_of
from booking.services.outside import Kind, Outside
from booking.views.public.booking import published_fields
from booking.views.public.page import Site, patient_view, show
from tenants.accounts.days import zone_of
from tenants.trail.models import Act

WRITTEN_ON = date(2026, 11, 28)
"""When the words of the privacy page itself last changed: whoever changes them writes the day here."""
TELLING = (
    "notice.changed",
    "calendar.connected",
    "calendar.left",
    "calendar.level.0",
    "calendar.level.1",
    "calendar.level.2",
    "feed.opened",
    "feed.changed",
    "feed.revoked",
)
"""The acts that change what the page says, who receives an appointment, or what they are told."""


@patient_view("GET")
def privacy(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the privacy page: it changes in the same transaction as the form that it describes."""
    version = FormVersion.objects.filter(published_at__isnull=False).order_by("-number").first()
    practice = site.practice
    found = outside.calendars()
    google = [one for one in found if one.kind is Kind.GOOGLE]
    fields = published_fields()
    context = {
        "fields": fields,
        "is_consented": any(one.legal_basis == ExtraField.Basis.CONSENT for one in fields),
        "updated_on": _updated_on(version, zone=zone_of(request)),
        "google": google,
        "feeds": [one for one in found if one.kind is Kind.FEED],
        "safeguard": settings.GOOGLE_SAFEGUARD,
        "early": _names(google, Moment.AFTER_REMINDER),
        "cleaned": _names(google, Moment.WITHIN_A_DAY),
        "reminder": french.minute_of_day(practice.reminder_minute),
        "days": practice.retention_days,
        "host_provider": settings.HOST_PROVIDER,
        "mail_provider": settings.MAIL_PROVIDER_NAME,
        "sms_provider": settings.SMS_PROVIDER_NAME,
        "librdv": settings.LIBRDV_IDENTITY,
        "is_health": practice.kind == Practice.Kind.HEALTH,
        "answers_itself": practice.rights_contact == Practice.RightsContact.PRACTICE,
    }
    return show(request, site, "booking/privacy.html", context)


@patient_view("GET")
def legal_notice(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the legal notice."""
    context = {"host_provider": settings.HOST_PROVIDER, "librdv": settings.LIBRDV_IDENTITY}
    return show(request, site, "booking/legal_notice.html", context)


@patient_view("GET")
def accessibility(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the accessibility statement: what is checked, how, and whom to tell."""
    return show(request, site, "booking/accessibility.html", {"librdv": settings.LIBRDV_IDENTITY})


@patient_view("GET")
def robots(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Keep robots away from what belongs to one person."""
    lines = (
        "User-agent: *",
        "Disallow: /rdv/",
        "Disallow: /r/",
        "Disallow: /reserver/",
        "Disallow: /mes-donnees/",
        "Disallow: /agenda/",
        "",
    )
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def _names(google: Iterable[Outside], moment: Moment) -> str:
    """Return with whom an appointment is erased at that moment, for who gives a number and is reminded."""
    return ", ".join(
        one.practitioner
        for one in google
        if one.is_connected and moment_of(standing=one.standing, has_phone=True) is moment
    )


def _updated_on(version: FormVersion | None, *, zone: ZoneInfo) -> date:
    """Return when what the page says last changed: its words, the settings, the form, who receives."""
    told = Act.objects.filter(verb__in=TELLING).order_by("-id").values_list("at", flat=True)
    instants = [told.first(), version.published_at if version else None]
    return max([WRITTEN_ON, *(at.astimezone(zone).date() for at in instants if at)])
