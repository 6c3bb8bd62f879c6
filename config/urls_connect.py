"""What answers on the one host to which Google sends people back, for all practices."""

from django.urls import URLPattern, URLResolver, path

from booking.views import connect

urlpatterns: list[URLPattern | URLResolver] = [
    path("google/retour", connect.back, name="google_back"),
    path("google/signal/<str:schema>/", connect.signal, name="google_signal"),
]

handler404 = "booking.views.connect.not_found"
handler500 = "booking.views.connect.server_error"
