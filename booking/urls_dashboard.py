"""The dashboard of one practice, under /espace/ of its own host."""

from django.urls import path

from booking.views.dashboard import today

app_name = "dashboard"

urlpatterns = [
    path("", today.today, name="today"),
]
