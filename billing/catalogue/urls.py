"""Addresses of the catalogue's staff pages, under /bureau/catalogue/ of the public host."""

from django.urls import path

from billing.catalogue import views

app_name = "catalogue"

urlpatterns = [
    path("", views.list_products, name="list"),
    path("nouveau/", views.add_product, name="add"),
    path("produits/<slug:code>/", views.show_product, name="product"),
    path("produits/<slug:code>/nom/", views.rename_product, name="rename"),
    path("produits/<slug:code>/prix/", views.set_price, name="price"),
    path("produits/<slug:code>/offre/", views.offer_product, name="offer"),
]
