"""Everything that answers on ``<name>.<apex>``: the patients' pages, sign-in and the dashboard."""

from django.urls import URLPattern, URLResolver, include, path

from booking.views.dashboard.invitation import join
from booking.views.public.feed import feed

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.accounts.urls")),
    path("invitation/<str:token>/", join, name="account_invitation"),
    path("agenda/<str:token>.ics", feed, name="agenda_feed"),
    path("espace/", include("booking.urls_dashboard")),
    path("", include("booking.urls")),
]

handler400 = "booking.views.public.errors.bad_request"
handler403 = "booking.views.public.errors.forbidden"
handler404 = "booking.views.public.errors.not_found"
handler500 = "booking.views.public.errors.server_error"
