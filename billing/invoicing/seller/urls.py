"""Addresses of the staff pages of the seller, under /bureau/vendeur/ of the public host."""

from django.urls import path

from billing.invoicing.seller import views

app_name = "seller"

urlpatterns = [
    path("", views.show_seller, name="show"),
    path("changer/", views.change_seller, name="change"),
    path("taux/", views.add_rates, name="rates"),
]
