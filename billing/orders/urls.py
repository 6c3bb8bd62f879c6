"""Addresses of the staff pages of orders, under /bureau/commandes/ of the public host."""

from django.urls import path

from billing.orders import views

app_name = "orders"

urlpatterns = [
    path("nouveau/<uuid:client_ref>/", views.add_order, name="add"),
    path("<uuid:ref>/", views.show_order, name="order"),
    path("<uuid:ref>/bon-de-commande.pdf", views.order_pdf, name="pdf"),
    path("<uuid:ref>/acte/", views.change_order, name="change"),
]
