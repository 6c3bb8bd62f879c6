"""What answers on a client's own domain: patients' pages only, never sign-in or the dashboard."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("booking.urls")),
]

handler400 = "booking.views.public.errors.bad_request"
handler403 = "booking.views.public.errors.forbidden"
handler404 = "booking.views.public.errors.not_found"
handler500 = "booking.views.public.errors.server_error"
