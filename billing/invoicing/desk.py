"""What invoicing adds to the staff pages: tiles of the overview, the tab of a client's file, search."""

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.clients.models import Client
from billing.clients.tabs import ClientTab
from billing.invoicing import desk_queries
from billing.invoicing.queries import PaymentState
from billing.invoicing.series import day_in_paris
from tenants.desk.fragments import Fragment
from tenants.desk.overview import Tile, TileGroup
from tenants.desk.search import SearchProvider, SearchResult


def tiles(now: datetime) -> Sequence[Tile]:
    """Return the drafts to issue and the invoices that are overdue."""
    counts = desk_queries.counts(today=day_in_paris(now))
    page = reverse("invoicing:list")
    late = counts["overdue"] + counts["refused"]
    return [
        Tile(
            label=_("Factures à émettre"),
            number=str(counts["drafts"]),
            is_good=True,
            detail=_("brouillons à relire"),
            url=page,
        ),
        Tile(
            label=_("Factures en retard"),
            number=str(late),
            is_good=not late,
            detail=_("échéance passée, ou prélèvement rejeté"),
            url=f"{page}?etat={PaymentState.OVERDUE.value}",
        ),
    ]


def read_tab(client: Client, now: datetime) -> Fragment:
    """Return the invoices of a client with what is owed."""
    invoices = desk_queries.documents_of(client, today=day_in_paris(now))
    owed = sum(invoice.balance for invoice in invoices if invoice.balance > 0)
    return Fragment("invoicing/tab.html", {"client": client, "invoices": invoices, "owed": owed})


def find_documents(text: str, limit: int) -> list[SearchResult]:
    """Return the documents whose number or buyer matches the text."""
    return [
        SearchResult(
            title=invoice.number,
            url=reverse("invoicing:invoice", args=[invoice.ref]),
            detail=invoice.snapshot["buyer"]["name"],
        )
        for invoice in desk_queries.documents_matching(text, limit=limit)
    ]


TILES = TileGroup("invoices", order=40, read=tiles)
CLIENT_TAB = ClientTab("factures", gettext_lazy("Factures"), order=30, read=read_tab)
SEARCH = SearchProvider("invoices", gettext_lazy("Factures"), order=20, find=find_documents)
