"""URLs of lib-rdv's public host: home page, accounts and staff pages."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from config.front import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("", include("tenants.accounts.urls")),
    path("bureau/", include("tenants.desk.urls")),
    path("bureau/", include("billing.clients.urls")),
    path("bureau/catalogue/", include("billing.catalogue.urls")),
    path("bureau/factures/", include("billing.invoicing.urls")),
    path("bureau/vendeur/", include("billing.invoicing.seller.urls")),
    path("bureau/commandes/", include("billing.orders.urls")),
    path("bon-de-commande/", include("billing.orders.signing_urls")),
    path("facture/", include("billing.invoicing.document_urls")),
]
if settings.DEMO:
    urlpatterns.append(path("courrier/", include("config.devtools.mailbox")))
