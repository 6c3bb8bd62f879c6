"""Staff pages of invoices: what is to issue, what was issued, what is owed (A4)."""

import uuid
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.drawing import DrawingFailed
from billing.invoicing import desk_queries, documents, draft_lines, services
from billing.invoicing.contents import read_content
from billing.invoicing.document_views import file_response
from billing.invoicing.draft_lines_form import DraftLinesForm
from billing.invoicing.due_drafts import Blocked, Obstacle, make_due_drafts
from billing.invoicing.errors import (
    AlreadyIssued,
    AlreadyRecorded,
    CreditExceedsInvoice,
    NoSeller,
    VatChanged,
)
from billing.invoicing.forms import CreditForm, PaymentForm
from billing.invoicing.late import late_payment
from billing.invoicing.models import Draft, Invoice, InvoiceFile, Payment
from billing.invoicing.obstacles import NO_SELLER, TERRITORY, obstacles_of
from billing.invoicing.outcome_texts import issue_problem, sending_text
from billing.invoicing.payments import record_payment
from billing.invoicing.queries import PaymentState, find_draft, find_invoice, invoices_with_balance
from billing.invoicing.series import day_in_paris
from billing.invoicing.snapshot import from_json
from tenants.audit.services import actor_of
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import render_page
from tenants.desk.search import search_text
from tenants.outbox.models import OutboxEntry
from tenants.query_parameters import parameters_of

TAB = "invoices"
STATES = (
    ("", gettext_lazy("Toutes les factures")),
    (PaymentState.OPEN.value, gettext_lazy("À payer")),
    (PaymentState.OVERDUE.value, gettext_lazy("En retard")),
    (PaymentState.REFUSED.value, gettext_lazy("Prélèvement rejeté")),
    (PaymentState.PAID.value, gettext_lazy("Payées")),
    (desk_queries.CREDIT_NOTES, gettext_lazy("Avoirs")),
)
OBSTACLES = {
    Obstacle.NO_SELLER: NO_SELLER,
    Obstacle.TERRITORY: gettext_lazy(
        "Des clients ont une période commencée, et un territoire à confirmer dans leur dossier"
    ),
    Obstacle.VAT: gettext_lazy("Des clients ont une période commencée, et une TVA à décider"),
}
OBSTACLE_OF_DRAFT = {
    Obstacle.NO_SELLER: NO_SELLER,
    Obstacle.TERRITORY: TERRITORY,
    Obstacle.VAT: gettext_lazy(
        "Le territoire et le numéro de TVA du client ne donnent pas de TVA\u00a0: vérifiez son dossier."
    ),
}
NEW_ROWS, BLANK_ROWS = 3, 2
"""Rows of the form of a new draft, and empty ones after those of a draft."""


@staff_only(methods=("GET", "HEAD"))
def list_invoices(request: StaffRequest) -> HttpResponse:
    """Show the drafts, then the documents of a state or with a text in their number or name."""
    asked, today = parameters_of(request), day_in_paris(request.now)
    state, text = asked.get("etat", ""), search_text(asked.get("q", ""))
    drafts = desk_queries.drafts_page(today=today, number=asked.get("brouillons"))
    context = {
        "drafts": drafts,
        "draft_rows": desk_queries.rows_of(drafts, today=today),
        "page": desk_queries.documents_page(
            state=state, text=text, today=today, number=asked.get("page")
        ),
        "states": STATES,
        "state": state,
        "text": text,
        "query": urlencode({"etat": state, "q": text}),
    }
    return render_page(request, "invoicing/list.html", context, tab=TAB)


@staff_only(methods=("POST",))
def make_drafts(request: StaffRequest) -> HttpResponse:
    """Make the drafts of the periods that have begun, as the hourly job does."""
    report = make_due_drafts(now=request.now, actor=actor_of(request.user.pk))
    if report.made:
        messages.success(request, _("Brouillons préparés\u00a0: %(n)s.") % {"n": report.made})
    elif not report.obstacles:
        messages.info(request, _("Aucune période à facturer aujourd’hui."))
    for obstacle, count in report.obstacles.items():
        messages.warning(request, f"{OBSTACLES[obstacle]} ({count})")
    return redirect("invoicing:list")


@staff_only(methods=("GET", "HEAD"))
def show_draft(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show a draft with its faults; an issued one leads to its document."""
    draft = find_draft(ref)
    if draft is None:
        _invoice(ref)
        return redirect("invoicing:invoice", ref=ref)
    return _draft_page(request, draft)


@staff_only()
def edit_draft(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the lines of a draft invoice, or change them; a credit note has those of its invoice."""
    draft = find_draft(ref)
    if draft is None:
        return _issued_or_404(request, ref)
    if draft.corrects_id is not None:
        raise Http404
    rows = len(read_content(draft.content).lines) + BLANK_ROWS
    form = DraftLinesForm(
        request.POST if request.method == "POST" else None,
        rows=rows,
        subject=f"draft:{ref.hex}",
        stored=lambda: draft_lines.stored_values(ref),
    )
    if form.is_valid():
        try:
            draft_lines.change(
                draft=draft, typed=form.typed, actor=actor_of(request.user.pk), now=request.now
            )
        except AlreadyIssued:
            return _issued_or_404(request, ref)
        except Blocked as blocked:
            form.add_error(None, str(OBSTACLE_OF_DRAFT[blocked.obstacle]))
        else:
            messages.success(request, _("Le brouillon est changé."))
            return redirect("invoicing:draft", ref=ref)
    context = {"client": draft.client, "draft": draft, "form": form}
    return render_page(request, "invoicing/edit.html", context, tab=TAB, status=form.status)


@staff_only()
def new_draft(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show an empty draft for a client, without a period, or make it."""
    client = desk_queries.find_client(ref)
    if client is None:
        raise Http404
    form = DraftLinesForm(request.POST if request.method == "POST" else None, rows=NEW_ROWS)
    if form.is_valid():
        try:
            draft = draft_lines.make(
                client=client, typed=form.typed, actor=actor_of(request.user.pk), now=request.now
            )
        except Blocked as blocked:
            form.add_error(None, str(OBSTACLE_OF_DRAFT[blocked.obstacle]))
        else:
            messages.success(request, _("Le brouillon est prêt\u00a0: relisez-le."))
            return redirect("invoicing:draft", ref=draft.ref)
    context = {"client": client, "form": form}
    return render_page(request, "invoicing/edit.html", context, tab=TAB, status=form.status)


@staff_only(methods=("GET", "HEAD"))
def preview(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Send the PDF of a draft, marked as one; 409 when it cannot be drawn, with why on the draft's page."""
    draft = _draft(ref)
    try:
        snapshot = desk_queries.snapshot_of(draft, today=day_in_paris(request.now))
        data = documents.preview(snapshot)
    except (NoSeller, VatChanged, documents.CannotDraw, DrawingFailed):
        return _draft_page(request, draft, status=409)
    name = f'inline; filename="brouillon-{draft.ref.hex[:8]}.pdf"'
    return HttpResponse(data, content_type="application/pdf", headers={"Content-Disposition": name})


@staff_only(methods=("POST",))
def issue_draft(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask the worker to issue a draft; of two pages that ask, the second says that it is done already."""
    draft = find_draft(ref)
    if draft is None:
        return _issued_or_404(request, ref)
    entry = desk_queries.last_issue(draft)
    _snapshot, obstacles = obstacles_of(draft, today=day_in_paris(request.now))
    if entry is not None and entry.state == OutboxEntry.EntryState.PENDING:
        messages.warning(request, _("L’émission de ce brouillon est déjà demandée."))
    elif obstacles:
        messages.error(request, _("Ce brouillon ne peut pas être émis\u00a0: voyez ce qui manque."))
    else:
        services.request_issue(draft=draft, actor=actor_of(request.user.pk), now=request.now)
        messages.success(
            request, _("L’émission est lancée. La facture part par e-mail dès qu’elle est émise.")
        )
    return redirect("invoicing:draft", ref=ref)


@staff_only(methods=("POST",))
def delete_draft(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Delete a draft; one that was issued meanwhile stays."""
    try:
        services.delete_draft(draft_ref=ref, actor=actor_of(request.user.pk), now=request.now)
    except AlreadyIssued:
        return _issued_or_404(request, ref)
    messages.success(request, _("Le brouillon est supprimé."))
    return redirect("invoicing:list")


@staff_only(methods=("GET", "HEAD"))
def show_invoice(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show an issued document: files, payments, credit notes, sending."""
    return _invoice_page(request, _invoice(ref))


@staff_only(methods=("GET", "HEAD"))
def download(request: StaffRequest, ref: uuid.UUID, kind: str) -> HttpResponse:
    """Send the PDF or the XML of a document."""
    return file_response(_invoice(ref), InvoiceFile.Kind(kind))


@staff_only(methods=("POST",))
def send_invoice(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask the worker to send the document to its client again."""
    services.request_send(invoice=_invoice(ref), actor=actor_of(request.user.pk), now=request.now)
    messages.success(request, _("L’envoi est lancé."))
    return redirect("invoicing:invoice", ref=ref)


@staff_only(methods=("POST",))
def credit_invoice(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Make the draft of a credit note on the chosen lines of an invoice, with its reason."""
    invoice = _invoice(ref)
    if invoice.corrects_id is not None:
        raise Http404
    form = CreditForm(request.POST, lines=from_json(invoice.snapshot).lines)
    if not form.is_valid():
        return _invoice_page(request, invoice, credit_form=form, status=422)
    try:
        draft = services.credit(
            invoice=invoice,
            lines=form.chosen,
            reason=form.cleaned_data["reason"],
            actor=actor_of(request.user.pk),
            now=request.now,
        )
    except CreditExceedsInvoice:
        form.add_error("lines", _("Les avoirs dépasseraient le montant de la facture."))
        return _invoice_page(request, invoice, credit_form=form, status=422)
    messages.success(request, _("L’avoir est prêt\u00a0: relisez-le, puis émettez-le."))
    return redirect("invoicing:draft", ref=draft.ref)


@staff_only(methods=("POST",))
def pay_invoice(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Record money that was received for an invoice, or given back when the client has paid too much."""
    invoice = _invoice(ref)
    if invoice.corrects_id is not None:
        raise Http404
    form = PaymentForm(request.POST, balance=_balanced(request, invoice).balance)
    if not form.is_valid():
        return _invoice_page(request, invoice, payment_form=form, status=422)
    data = form.cleaned_data
    try:
        record_payment(
            invoice=invoice,
            amount=form.signed_amount,
            on=data["on"],
            kind=Payment.Kind(data["kind"]),
            reference=data["reference"],
            actor=actor_of(request.user.pk),
            now=request.now,
        )
    except AlreadyRecorded:
        form.add_error("reference", _("Ce mouvement est déjà enregistré."))
        return _invoice_page(request, invoice, payment_form=form, status=422)
    messages.success(request, _("Le paiement est enregistré."))
    return redirect("invoicing:invoice", ref=ref)


# --- Pages -------------------------------------------------------------------------------------------


def _draft_page(request: StaffRequest, draft: Draft, *, status: int = 200) -> HttpResponse:
    entry = desk_queries.last_issue(draft)
    snapshot, obstacles = obstacles_of(draft, today=day_in_paris(request.now))
    context = {
        "draft": draft,
        "entry": entry,
        "is_pending": entry is not None and entry.state == OutboxEntry.EntryState.PENDING,
        "problem": issue_problem(entry),
        "snapshot": snapshot,
        "faults": obstacles,
    }
    return render_page(request, "invoicing/draft.html", context, tab=TAB, status=status)


def _invoice_page(
    request: StaffRequest,
    invoice: Invoice,
    *,
    credit_form: CreditForm | None = None,
    payment_form: PaymentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    is_credit = invoice.corrects_id is not None
    shown: Any = invoice if is_credit else _balanced(request, invoice)
    balance = Decimal(0) if is_credit else shown.balance
    today = day_in_paris(request.now)
    snapshot = from_json(invoice.snapshot)
    context = {
        "invoice": shown,
        "snapshot": snapshot,
        "late": late_payment(invoice, balance=balance, today=today),
        "owed_back": max(-balance, Decimal(0)),
        "payments": desk_queries.payments_of(invoice),
        "credit_notes": desk_queries.credit_notes_of(invoice),
        "sending": sending_text(desk_queries.last_sending(invoice)),
        "credit_form": credit_form or CreditForm(lines=snapshot.lines),
        "payment_form": payment_form or PaymentForm(balance=balance, initial={"on": today}),
        "is_credit": is_credit,
        "can_credit": not is_credit and shown.credited < shown.gross,
    }
    return render_page(request, "invoicing/invoice.html", context, tab=TAB, status=status)


def _balanced(request: StaffRequest, invoice: Invoice) -> Any:
    """Return the invoice with its balance and state."""
    return invoices_with_balance(today=day_in_paris(request.now)).get(pk=invoice.pk)


def _draft(ref: uuid.UUID) -> Draft:
    draft = find_draft(ref)
    if draft is None:
        raise Http404
    return draft


def _invoice(ref: uuid.UUID) -> Invoice:
    invoice = find_invoice(ref)
    if invoice is None:
        raise Http404
    return invoice


def _issued_or_404(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Return the redirect to the document of a draft that another page has issued."""
    _invoice(ref)
    messages.warning(request, _("Ce brouillon a déjà été émis\u00a0: voici son document."))
    return redirect("invoicing:invoice", ref=ref)
