"""URLs of the frame, under /bureau/ of the public host; higher packages add theirs beside them."""

from django.urls import path

from tenants.desk import views

app_name = "desk"

urlpatterns = [
    path("veille/", views.show_overview, name="overview"),
    path("recherche/", views.show_search, name="search"),
]
