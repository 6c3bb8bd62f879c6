"""Everything that answers on lib-rdv's own host: the public site and the staff's desk."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from config.front import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("", include("tenants.accounts.urls")),
    path("bureau/", include("compliance.desk.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("courrier/", include("config.mailbox")))
