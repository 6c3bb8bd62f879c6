"""Renders staff pages in the frame."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tenants.desk.access import StaffRequest
from tenants.desk.navigation import navigation

STAFF_ZONE = ZoneInfo("Europe/Paris")
"""The zone of every hour on a staff page: lib-rdv works in Bidart."""


def render_page(
    request: StaffRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    tab: str,
    status: int = 200,
) -> HttpResponse:
    """Render a template that extends ``desk/base.html``; ``tab`` is the name of the page's navigation entry."""
    frame = {"navigation": navigation(), "home_url_name": settings.DESK_HOME, "tab": tab}
    with timezone.override(STAFF_ZONE):
        return render(request, template, {**frame, **context}, status=status)
