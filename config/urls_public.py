"""Everything that answers on lib-rdv's own host: the public site and the staff's desk."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
