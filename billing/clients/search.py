"""What clients add to the search of the staff pages."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing.clients import queries
from billing.clients.files import queries as file_queries
from tenants.desk.search import SearchProvider, SearchResult


def find_clients(text: str, limit: int) -> list[SearchResult]:
    """Return the clients whose name, owner's name or host name holds the text."""
    return [
        SearchResult(
            title=client.name,
            url=reverse("clients:sheet", args=[client.ref]),
            detail=", ".join(
                [client.get_state_display(), *(domain.domain for domain in client.domains.all())]
            ),
        )
        for client in queries.clients_matching(text, limit=limit)
    ]


def find_files(text: str, limit: int) -> list[SearchResult]:
    """Return the files of clients whose name, SIREN, town or e-mail matches the text."""
    return [
        SearchResult(
            title=client.legal_name,
            url=reverse("clients:file", args=[client.ref]),
            detail=", ".join(part for part in (client.trade_name, client.siren) if part),
        )
        for client in file_queries.files_matching(text, limit=limit)
    ]


PROVIDERS = (
    SearchProvider("clients", _("Clients"), order=10, find=find_clients),
    SearchProvider("files", _("Dossiers"), order=12, find=find_files),
)
