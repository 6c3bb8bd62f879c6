"""Addresses of offered orders, under /bon-de-commande/ of the public host."""

from django.urls import path

from billing.orders import signing_views

app_name = "signing"

urlpatterns = [
    path("<str:token>/", signing_views.order, name="order"),
    path("<str:token>/bon-de-commande.pdf", signing_views.pdf, name="pdf"),
    path("<str:token>/retractation/", signing_views.withdraw, name="withdraw"),
]
