"""The home page of lib-rdv's public host."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.routing import live_primary_domains

PRACTICES_SHOWN = 20


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page; in the demonstration with its practices and its mailbox."""
    practices = _practices() if settings.DEMO else []
    return render(request, "public/home.html", {"is_demo": settings.DEMO, "practices": practices})


def _practices() -> list[tuple[str, str]]:
    """Return (name, address) of each live practice; the list of clients is public in the demonstration only."""
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    return [
        (domain.tenant.name, f"{settings.SCHEME}://{domain.domain}{port}/")
        for domain in live_primary_domains(PRACTICES_SHOWN)
    ]
