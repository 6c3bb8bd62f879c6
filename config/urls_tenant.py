"""URLs of ``<name>.<apex>``: the patients' pages, sign-in and the dashboard of one practice."""

from django.urls import URLPattern, URLResolver, include, path

from booking.web.dashboard.team.invitation import join
from booking.web.public.feed import feed

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.accounts.urls")),
    path("invitation/<str:token>/", join, name="account_invitation"),
    path("agenda/<str:token>.ics", feed, name="agenda_feed"),
    path("espace/", include("booking.web.dashboard.urls")),
    path("", include("booking.web.public.urls")),
]

handler400 = "booking.web.public.errors.bad_request"
handler403 = "booking.web.public.errors.forbidden"
handler404 = "booking.web.public.errors.not_found"
handler500 = "booking.web.public.errors.server_error"
