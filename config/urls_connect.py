"""URLs of CONNECT_HOST, which receives Google's redirects and notifications for all practices."""

from django.urls import URLPattern, URLResolver, path

from booking.web import connect

urlpatterns: list[URLPattern | URLResolver] = [
    path("google/retour", connect.back, name="google_back"),
    path("google/signal/<str:schema>/", connect.signal, name="google_signal"),
]

handler404 = "booking.web.connect.not_found"
handler500 = "booking.web.connect.server_error"
