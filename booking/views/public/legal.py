"""P8: who is responsible, what is kept and until when, generated from the live settings (T-11, C-04, C-05)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from booking import french
from booking.models import FormVersion, Practice
from booking.views.public.booking import published_fields
from booking.views.public.page import Site, patient_view, show


@patient_view("GET")
def privacy(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the privacy page: it changes in the same transaction as the form that it describes."""
    version = FormVersion.objects.filter(published_at__isnull=False).order_by("-number").first()
    practice = site.practice
    context = {
        "fields": published_fields(),
        "updated_on": version.published_at.date() if version and version.published_at else None,
        "reminder": _minute(practice.reminder_minute),
        "days": practice.retention_days,
        "host_provider": settings.HOST_PROVIDER,
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


def _minute(minute: int) -> str:
    hours, minutes = divmod(minute, 60)
    hour = f"{hours}{french.NBSP}h"
    return f"{hour}{french.NBSP}{minutes:02d}" if minutes else hour
