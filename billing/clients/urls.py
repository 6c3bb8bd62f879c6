"""Addresses of the clients' staff pages, under /bureau/ of the public host."""

from django.urls import path

from billing.clients import views
from billing.clients.files import views as file_views

app_name = "clients"

urlpatterns = [
    path("", views.list_clients, name="list"),
    path("clients/nouveau/", views.order_client, name="order"),
    path("clients/<uuid:ref>/", views.show_sheet, name="sheet"),
    path("clients/<uuid:ref>/corriger/", views.correct_order, name="correct"),
    path("clients/<uuid:ref>/acte/", views.run_action, name="action"),
    path("clients/<uuid:ref>/acte/<slug:name>/", views.confirm_action, name="confirm"),
    path("clients/<uuid:ref>/suspendre/", views.suspend_client, name="suspend"),
    path("dossiers/", file_views.list_files, name="files"),
    path("dossiers/nouveau/", file_views.open_file, name="open_file"),
    path("clients/<uuid:ref>/dossier/", file_views.open_practice_file, name="practice_file"),
    path("dossiers/a-confirmer/", file_views.list_statements, name="statements"),
    path("clients/<uuid:ref>/demande/", file_views.decide_statement, name="statement"),
    path("dossiers/<uuid:ref>/identite/", file_views.correct_identity, name="identity"),
    path("dossiers/<uuid:ref>/territoire/", file_views.confirm_territory, name="territory"),
    path("dossiers/<uuid:ref>/", file_views.show_file, name="file"),
]
