"""URLs of a client's own domain: the patients' pages only, without sign-in and dashboard."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("booking.web.public.urls")),
]

handler400 = "booking.web.public.errors.bad_request"
handler403 = "booking.web.public.errors.forbidden"
handler404 = "booking.web.public.errors.not_found"
handler500 = "booking.web.public.errors.server_error"
