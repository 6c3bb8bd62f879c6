"""The patients' pages of one practice."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
