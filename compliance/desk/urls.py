"""lib-rdv's desk, under /bureau/ of the public host."""

from django.urls import path

from compliance.desk import views

app_name = "desk"

urlpatterns = [
    path("", views.clients, name="clients"),
]
