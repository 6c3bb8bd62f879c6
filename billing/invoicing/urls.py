"""Addresses of the staff pages of invoices, under /bureau/factures/ of the public host."""

from django.urls import path

from billing.invoicing import views

app_name = "invoicing"

urlpatterns = [
    path("", views.list_invoices, name="list"),
    path("echeances/", views.make_drafts, name="make_drafts"),
    path("brouillons/<uuid:ref>/", views.show_draft, name="draft"),
    path("brouillons/<uuid:ref>/lignes/", views.edit_draft, name="edit"),
    path("nouveau/<uuid:ref>/", views.new_draft, name="new"),
    path("brouillons/<uuid:ref>/apercu.pdf", views.preview, name="preview"),
    path("brouillons/<uuid:ref>/emettre/", views.issue_draft, name="issue"),
    path("brouillons/<uuid:ref>/supprimer/", views.delete_draft, name="delete"),
    path("<uuid:ref>/", views.show_invoice, name="invoice"),
    path("<uuid:ref>/document.pdf", views.download, {"kind": "pdf"}, name="pdf"),
    path("<uuid:ref>/document.xml", views.download, {"kind": "xml"}, name="xml"),
    path("<uuid:ref>/envoyer/", views.send_invoice, name="send"),
    path("<uuid:ref>/avoir/", views.credit_invoice, name="credit"),
    path("<uuid:ref>/paiement/", views.pay_invoice, name="pay"),
]
