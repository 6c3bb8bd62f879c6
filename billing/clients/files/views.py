"""Staff pages of the files of clients: the list, and a file with its tabs (A2)."""

import uuid

from django.http import Http404, HttpResponse
from django.utils.http import urlencode

from billing.clients.files import queries
from billing.clients.models import Client
from billing.clients.tabs import tab_named, tabs
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import render_page
from tenants.desk.search import search_text
from tenants.query_parameters import parameters_of

TAB = "files"


@staff_only(methods=("GET", "HEAD"))
def list_files(request: StaffRequest) -> HttpResponse:
    """Show a page of the files, those that match a text if one is given."""
    text = search_text(parameters_of(request).get("q", ""))
    page = queries.files_page(text=text, number=parameters_of(request).get("page"))
    context = {"page": page, "text": text, "query": urlencode({"q": text}) if text else ""}
    return render_page(request, "clients/files/list.html", context, tab=TAB)


@staff_only(methods=("GET", "HEAD"))
def show_file(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show a file: the tab that ``onglet`` names, the first one otherwise."""
    client = _client(ref)
    shown = tab_named(parameters_of(request).get("onglet", ""))
    context = {
        "client": client,
        "practice": client.tenant,
        "tabs": tabs(),
        "shown": shown,
        "content": shown.read(client, request.now),
    }
    return render_page(request, "clients/files/file.html", context, tab=TAB)


def _client(ref: uuid.UUID) -> Client:
    client = queries.find_file(ref)
    if client is None:
        raise Http404
    return client
