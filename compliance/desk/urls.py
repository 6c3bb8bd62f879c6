"""lib-rdv's desk, under /bureau/ of the public host."""

from django.urls import path

from compliance.desk import views

app_name = "desk"

urlpatterns = [
    path("", views.clients, name="clients"),
    path("clients/nouveau/", views.order, name="order"),
    path("clients/<uuid:ref>/", views.client, name="client"),
    path("clients/<uuid:ref>/acte/", views.act, name="act"),
    path("clients/<uuid:ref>/suspendre/", views.suspend, name="suspend"),
]
