"""Everything that answers on ``<name>.<apex>``: the patients' pages, sign-in and the dashboard."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("booking.urls")),
]
