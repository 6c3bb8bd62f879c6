"""Everything that answers on lib-rdv's own host: the public site and the staff's desk."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.accounts.urls")),
    path("bureau/", include("compliance.desk.urls")),
]
