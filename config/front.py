"""The first page of lib-rdv's own host: what it is, and where its people sign in."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.models import Domain, Tenant


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what lib-rdv is; the demonstration adds its practices and its mailbox."""
    practices = _practices() if settings.DEMO else []
    return render(request, "public/home.html", {"is_demo": settings.DEMO, "practices": practices})


def _practices() -> list[tuple[str, str]]:
    """Return (name, address) of each practice online; the list of clients is public in the demo only."""
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    online = Domain.objects.filter(is_primary=True, tenant__state=Tenant.State.LIVE)
    return [
        (domain.tenant.name, f"{settings.SCHEME}://{domain.domain}{port}/")
        for domain in online.select_related("tenant").order_by("tenant__id")[:20]
    ]
