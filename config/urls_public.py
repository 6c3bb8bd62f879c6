"""Everything that answers on lib-rdv's own host: the public site and the staff's desk."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("tenants.accounts.urls")),
    path("bureau/", include("compliance.desk.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("courrier/", include("config.mailbox")))
