"""Addresses of sent documents, under /facture/ of the public host."""

from django.urls import path

from billing.invoicing import document_views

app_name = "documents"

urlpatterns = [
    path("<str:token>/", document_views.document, name="document"),
    path("<str:token>/document.pdf", document_views.download, {"kind": "pdf"}, name="pdf"),
    path("<str:token>/document.xml", document_views.download, {"kind": "xml"}, name="xml"),
]
