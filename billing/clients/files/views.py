"""Staff pages of the files of clients: the list, a file with its tabs, and the forms that change it (A2)."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.clients.files import queries, services, statements
from billing.clients.files.forms import ClientIdentityForm, TerritoryForm
from billing.clients.identity_texts import MESSAGES
from billing.clients.models import Client, IdentityStatement
from billing.clients.queries import find_client
from billing.clients.tabs import tab_named, tabs
from billing.territories import Territory
from tenants.audit.services import actor_of
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import render_page
from tenants.desk.search import search_text
from tenants.models import Tenant
from tenants.query_parameters import parameters_of

TAB = "files"
NO_ADDRESS = gettext_lazy("Donnez d’abord l’adresse de l’établissement.")


@staff_only(methods=("GET", "HEAD"))
def list_files(request: StaffRequest) -> HttpResponse:
    """Show a page of the files, those that match a text if one is given."""
    text = search_text(parameters_of(request).get("q", ""))
    page = queries.files_page(text=text, number=parameters_of(request).get("page"))
    context = {
        "page": page,
        "text": text,
        "query": urlencode({"q": text}) if text else "",
        "statements": statements.count_open_statements(),
    }
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


@staff_only()
def open_file(request: StaffRequest) -> HttpResponse:
    """Show an empty file, or open the file of a client that has no practice yet."""
    return _open(request, tenant=None)


@staff_only()
def open_practice_file(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show a file with what the order of this practice says, or open it."""
    practice = find_client(ref)
    if practice is None:
        raise Http404
    return _open(request, tenant=practice)


@staff_only()
def correct_identity(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the identity and the addresses of a client, or change them."""
    client = _client(ref)
    statement = _asked_statement(request, client.tenant)
    form = ClientIdentityForm(
        request.POST if request.method == "POST" else None,
        subject=client,
        stored=partial(queries.identity_values, client),
        initial=statements.proposed_values(statement),
    )
    if form.is_valid():
        services.correct_client(
            client=client,
            identity=form.identity,
            actor=actor_of(request.user.pk),
            now=request.now,
        )
        if statement:
            _accept(request, statement)
        messages.success(request, _("Le dossier est à jour."))
        return redirect("clients:file", ref=ref)
    context = {"client": client, "form": form, "statement": statement}
    return render_page(request, "clients/files/identity.html", context, tab=TAB, status=form.status)


@staff_only()
def confirm_territory(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show what the address suggests, or confirm where the client is established (F-12)."""
    client = _client(ref)
    suggestion = queries.suggested_territory(client)
    form = TerritoryForm(
        request.POST if request.method == "POST" else None,
        subject=client,
        stored=lambda: {"territory": client.territory},
        suggestion=suggestion,
    )
    if form.is_valid():
        try:
            services.confirm_territory(
                client=client,
                territory=Territory(form.cleaned_data["territory"]),
                actor=actor_of(request.user.pk),
                now=request.now,
            )
        except services.IncompleteFile as error:
            form.add_error("territory", str(MESSAGES[error.reason] if error.reason else NO_ADDRESS))
        else:
            messages.success(request, _("Le territoire est confirmé."))
            return redirect("clients:file", ref=ref)
    context = {
        "client": client,
        "form": form,
        "establishment": queries.establishment_of(client),
    }
    return render_page(
        request, "clients/files/territory.html", context, tab=TAB, status=form.status
    )


@staff_only(methods=("GET", "HEAD"))
def list_statements(request: StaffRequest) -> HttpResponse:
    """Show a page of what practices state of their identity and staff have not decided on."""
    page = statements.open_statements(number=parameters_of(request).get("page"))
    return render_page(request, "clients/files/statements.html", {"page": page}, tab=TAB)


@staff_only()
def decide_statement(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show what a practice states beside its file, or leave the file as it is."""
    practice = find_client(ref)
    if practice is None:
        raise Http404
    if request.method == "POST":
        return _refuse(request, practice)
    context = {
        "practice": practice,
        "file": queries.file_of(practice),
        "statement": statements.open_statement(practice),
    }
    return render_page(request, "clients/files/statement.html", context, tab=TAB)


def _refuse(request: StaffRequest, practice: Tenant) -> HttpResponse:
    shown = statements.open_statement(practice, version=request.POST.get("version", ""))
    if shown is None:
        messages.error(
            request, _("Le cabinet a écrit autre chose entre-temps, ou c’est déjà décidé.")
        )
        return redirect("clients:statement", ref=practice.ref)
    statements.decide_statement(
        statement=shown, is_accepted=False, actor=actor_of(request.user.pk), now=request.now
    )
    messages.success(request, _("Le dossier reste comme il est."))
    return redirect("clients:statements")


def _asked_statement(request: StaffRequest, tenant: Tenant | None) -> IdentityStatement | None:
    """Return the statement that ``demande`` names and a form takes over, unless it is decided or replaced."""
    return statements.open_statement(tenant, version=parameters_of(request).get("demande", ""))


def _accept(request: StaffRequest, statement: IdentityStatement) -> None:
    statements.decide_statement(
        statement=statement, is_accepted=True, actor=actor_of(request.user.pk), now=request.now
    )


def _open(request: StaffRequest, *, tenant: Tenant | None) -> HttpResponse:
    if tenant is not None and (found := queries.file_of(tenant)):
        return redirect("clients:file", ref=found.ref)
    statement = _asked_statement(request, tenant)
    form = ClientIdentityForm(
        request.POST if request.method == "POST" else None,
        initial={
            **(queries.ordered_values(tenant) if tenant else {}),
            **statements.proposed_values(statement),
        },
    )
    if form.is_valid():
        try:
            client = services.create_client(
                identity=form.identity,
                tenant=tenant,
                actor=actor_of(request.user.pk),
                now=request.now,
            )
        except services.FileExistsAlready:
            form.add_error(
                None, _("Ce cabinet a déjà un dossier\u00a0: ouvrez-le depuis sa fiche.")
            )
        else:
            if statement:
                _accept(request, statement)
            messages.success(request, _("Le dossier est ouvert. Confirmez le territoire."))
            return redirect("clients:file", ref=client.ref)
    context = {"form": form, "practice": tenant, "statement": statement}
    return render_page(request, "clients/files/identity.html", context, tab=TAB, status=form.status)


def _client(ref: uuid.UUID) -> Client:
    client = queries.find_file(ref)
    if client is None:
        raise Http404
    return client
