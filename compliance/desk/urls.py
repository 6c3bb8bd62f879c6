"""lib-rdv's desk, under /bureau/ of the public host."""

from django.urls import path

from compliance.desk import views

app_name = "desk"

urlpatterns = [
    path("", views.clients, name="clients"),
    path("veille/", views.cockpit, name="cockpit"),
    path("clients/nouveau/", views.order, name="order"),
    path("clients/<uuid:ref>/", views.client, name="client"),
    path("clients/<uuid:ref>/acte/", views.act, name="act"),
    path("clients/<uuid:ref>/acte/<slug:name>/", views.ask, name="ask"),
    path("clients/<uuid:ref>/suspendre/", views.suspend, name="suspend"),
]
