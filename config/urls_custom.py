"""What answers on a client's own domain: patients' pages only, never sign-in or the dashboard."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("booking.urls")),
]
