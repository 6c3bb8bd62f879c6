"""The staff pages of invoices: what each shows and does, who is refused (A4)."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.invoicing.models import Draft, Invoice, RefRate
from billing.invoicing.templatetags.documents import fingerprint
from billing.invoicing.urls import urlpatterns
from billing.orders.models import Order
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.accounts import browser, make_user
from tests.billing.invoicing.test_practice_page import make_subscription
from tests.ledger import issue_draft, make_buyer, make_draft, make_line, open_ledger
from tests.staff import address

METHODS = {
    "list": ("get",),
    "make_drafts": ("post",),
    "draft": ("get",),
    "preview": ("get",),
    "edit": ("get", "post"),
    "new": ("get", "post"),
    "issue": ("post",),
    "delete": ("post",),
    "invoice": ("get",),
    "pdf": ("get",),
    "xml": ("get",),
    "send": ("post",),
    "credit": ("post",),
    "pay": ("post",),
}
TODAY = dt.datetime.now(dt.UTC).date()
OF_DRAFTS = {"draft", "preview", "edit", "issue", "delete"}


@pytest.fixture
def draft(public: Unit) -> Draft:
    """A draft of 34,80 €."""
    open_ledger()
    return make_draft(make_buyer())


@pytest.fixture
def invoice(draft: Draft) -> Invoice:
    """The issued invoice of another draft."""
    return issue_draft(make_draft(draft.client))


def page_of(name: str, draft: Draft, invoice: Invoice) -> str:
    """Return the address of a page."""
    if name in {"list", "make_drafts"}:
        return address(f"invoicing:{name}")
    if name == "new":
        return address("invoicing:new", draft.client.ref)
    return address(f"invoicing:{name}", draft.ref if name in OF_DRAFTS else invoice.ref)


def entries(kind: str, row: Draft | Invoice) -> list[OutboxEntry]:
    entries = OutboxEntry.objects.filter(kind=f"invoicing.{kind}", subject_id=row.pk)
    return list(entries.order_by("id"))


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_strangers_and_other_accounts_are_refused(
    draft: Draft, invoice: Invoice, public_host: str, name: str
) -> None:
    page = page_of(name, draft, invoice)

    stranger = browser(public_host).post(page)
    other = browser(public_host, make_user()).get(page)

    assert stranger["Location"].startswith("/connexion/?next=")
    assert other.status_code == 403


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("name", METHODS)
def test_every_page_takes_its_own_methods(
    staff: Client, draft: Draft, invoice: Invoice, name: str, method: str
) -> None:
    answer = getattr(staff, method)(page_of(name, draft, invoice))

    assert (answer.status_code == 405) is (method not in METHODS[name])


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"list", "make_drafts"}))
def test_an_unknown_document_is_not_found(
    staff: Client, draft: Draft, invoice: Invoice, name: str
) -> None:
    page = page_of(name, draft, invoice).replace(str(draft.ref), str(make_user().pk).zfill(32))
    page = page.replace(str(invoice.ref), "0" * 8 + "-0000-0000-0000-" + "0" * 12)
    if name in OF_DRAFTS or name == "new":
        page = address(f"invoicing:{name}", "00000000-0000-0000-0000-000000000000")

    answer = getattr(staff, METHODS[name][0])(page, {"reason": "x"})

    assert answer.status_code == 404


def test_an_empty_ledger_says_that_nothing_waits(staff: Client, public: Unit) -> None:
    shown = staff.get(address("invoicing:list")).text

    assert "Rien à émettre" in shown
    assert "Aucun document ne correspond" in shown


def test_the_list_shows_drafts_and_filters_documents(
    staff: Client, draft: Draft, invoice: Invoice
) -> None:
    page = address("invoicing:list")
    everything = staff.get(page).text
    paid = staff.get(page, {"etat": "paid"}).text
    found = staff.get(page, {"q": "dupont"}).text
    credit = staff.get(page, {"etat": "credit"}).text

    assert draft.client.legal_name in everything
    assert invoice.number in everything
    assert "34,80\u00a0€" in everything
    assert invoice.number not in paid
    assert invoice.number in found
    assert invoice.number not in credit


def test_due_periods_are_drafted_by_the_button(staff: Client, draft: Draft) -> None:
    make_subscription(draft.client, starts_on=TODAY)

    answer = staff.post(address("invoicing:make_drafts"), follow=True)

    assert "Brouillons préparés\u00a0: 1." in answer.text
    assert Draft.objects.count() == 2


def test_a_client_without_territory_is_named(staff: Client, draft: Draft) -> None:
    make_subscription(draft.client, starts_on=TODAY)
    type(draft.client).objects.update(territory_confirmed_at=None)

    answer = staff.post(address("invoicing:make_drafts"), follow=True)

    assert "un territoire à confirmer dans leur dossier (1)" in answer.text
    assert Order.objects.count() == 1


def test_a_draft_is_read_seen_as_pdf_and_issued(staff: Client, draft: Draft) -> None:
    page = address("invoicing:draft", draft.ref)
    shown = staff.get(page).text
    seen = staff.get(address("invoicing:preview", draft.ref))
    answer = staff.post(address("invoicing:issue", draft.ref))

    assert "Émettre et envoyer" in shown
    assert seen.content.startswith(b"%PDF")
    assert seen["Content-Type"] == "application/pdf"
    assert answer["Location"] == page
    assert len(entries("issue", draft)) == 1
    assert "L’émission est en cours" in staff.get(page).text


def test_a_draft_that_cannot_be_issued_says_why(staff: Client, draft: Draft) -> None:
    draft.client.addresses.all().delete()

    shown = staff.get(address("invoicing:draft", draft.ref)).text

    assert "Le nom ou l’adresse du client est incomplet." in shown
    assert "Émettre et envoyer" not in shown


def test_a_refusal_of_the_worker_is_shown(staff: Client, draft: Draft) -> None:
    staff.post(address("invoicing:issue", draft.ref))
    OutboxEntry.objects.update(
        state="failed", reason="incomplete_identity", finished_at=draft.created_at
    )

    shown = staff.get(address("invoicing:draft", draft.ref)).text

    assert "La facture n’a pas été émise." in shown
    assert "territoire à confirmer" in shown


def test_the_tab_of_an_issued_draft_leads_to_the_invoice(staff: Client, draft: Draft) -> None:
    """Two tabs: the second press issues nothing and deletes nothing."""
    issued = issue_draft(draft)
    there = address("invoicing:invoice", issued.ref)

    for name in ("issue", "delete"):
        assert staff.post(address(f"invoicing:{name}", draft.ref))["Location"] == there
    assert staff.get(address("invoicing:draft", draft.ref))["Location"] == there
    assert Invoice.objects.count() == 1


def test_a_draft_is_deleted(staff: Client, draft: Draft) -> None:
    staff.post(address("invoicing:delete", draft.ref))

    assert not Draft.objects.exists()


def test_a_document_is_shown_downloaded_and_sent_again(staff: Client, invoice: Invoice) -> None:
    shown = staff.get(address("invoicing:invoice", invoice.ref)).text
    pdf = staff.get(address("invoicing:pdf", invoice.ref))
    xml = staff.get(address("invoicing:xml", invoice.ref))
    staff.post(address("invoicing:send", invoice.ref))

    assert invoice.number in shown
    assert "34,80\u00a0€ à payer" in shown.replace("\n", " ")
    assert "L’e-mail est en route." in shown
    assert pdf["Content-Disposition"] == f'attachment; filename="{invoice.number}.pdf"'
    assert xml["Content-Type"] == "application/xml"
    assert len(entries("send", invoice)) == 2


def test_a_payment_closes_the_invoice_and_counts_once(staff: Client, invoice: Invoice) -> None:
    page = address("invoicing:pay", invoice.ref)
    sent: dict[str, Any] = {
        "amount": "20,00 €",
        "on": "2026-12-10",
        "kind": "transfer",
        "reference": "VIR 1",
    }
    first = staff.post(page, sent)
    again = staff.post(page, sent | {"amount": "20"})
    too_much = staff.post(page, sent | {"amount": "20", "reference": "VIR 2"})
    rest = staff.post(page, sent | {"amount": "14,80", "reference": "VIR 3"}, follow=True)

    assert (first.status_code, again.status_code, too_much.status_code) == (302, 422, 422)
    assert "plus que ce qui reste" in too_much.text
    assert "VIR 2" in too_much.text
    assert "Rien à payer" in rest.text
    assert invoice.payments.count() == 2


def test_what_was_paid_too_much_is_given_back(staff: Client, invoice: Invoice) -> None:
    page = address("invoicing:pay", invoice.ref)
    sent = {"amount": "34,80", "on": "2026-12-10", "kind": "transfer", "reference": "VIR 1"}
    staff.post(page, sent)
    staff.post(
        address("invoicing:credit", invoice.ref), {"lines": ["0"], "reason": "Facturé deux fois"}
    )
    issue_draft(Draft.objects.get(corrects=invoice))
    shown = staff.get(address("invoicing:invoice", invoice.ref)).text
    refund = sent | {"kind": "refund"}

    received = staff.post(page, sent | {"reference": "VIR 2"})
    too_much = staff.post(page, refund | {"amount": "35"})
    back = staff.post(page, refund, follow=True).text

    assert "34,80\u00a0€ à rendre au client" in shown
    assert (received.status_code, too_much.status_code) == (422, 422)
    assert "reste à rendre" in too_much.text
    assert "Rien à payer" in back
    assert [payment.amount for payment in invoice.payments.order_by("id")] == [
        Decimal("34.80"),
        Decimal("-34.80"),
    ]


def test_a_discount_stands_below_its_line(staff: Client, draft: Draft) -> None:
    line = make_line(discount=Decimal(10), discount_reason="Offre d’ouverture")

    shown = staff.get(address("invoicing:draft", make_draft(draft.client, line).ref)).text

    assert "remise de 10,00\u00a0€, Offre d’ouverture" in shown


@pytest.mark.parametrize("amount", ["", "0", "-3", "1e3", "12,345", "abc", "9" * 30])
def test_an_amount_that_is_none_is_refused_beside_the_field(
    staff: Client, invoice: Invoice, amount: str
) -> None:
    sent = {"amount": amount, "on": "2026-12-10", "kind": "transfer", "reference": "x"}

    answer = staff.post(address("invoicing:pay", invoice.ref), sent)

    assert answer.status_code == 422
    assert not invoice.payments.exists()


def test_a_credit_note_is_drafted_with_its_reason_once_it_is_issued_no_more(
    staff: Client, invoice: Invoice
) -> None:
    page = address("invoicing:credit", invoice.ref)
    without = staff.post(page, {"lines": ["0"], "reason": ""})
    emoji = staff.post(page, {"lines": ["0"], "reason": "double 🙈"})
    staff.post(page, {"lines": ["0"], "reason": "Facturé deux fois"})
    draft = Draft.objects.get(corrects=invoice)
    note = issue_draft(draft)
    again = staff.post(page, {"lines": ["0"], "reason": "encore"})

    assert (without.status_code, emoji.status_code, again.status_code) == (422, 422, 422)
    assert "Nos documents ne peuvent pas montrer" in emoji.text
    assert "dépasseraient" in again.text
    assert staff.post(address("invoicing:credit", note.ref)).status_code == 404
    assert note.gross == invoice.gross
    assert note.number in staff.get(address("invoicing:invoice", invoice.ref)).text
    assert staff.post(address("invoicing:pay", note.ref)).status_code == 404


@pytest.mark.parametrize("lines", [[], ["7"], ["x"]])
def test_a_credit_note_needs_lines_of_its_invoice(
    staff: Client, invoice: Invoice, lines: list[str]
) -> None:
    page = address("invoicing:credit", invoice.ref)

    answer = staff.post(page, {"lines": lines, "reason": "Erreur"})

    assert answer.status_code == 422
    assert "Erreur" in answer.text
    assert not Draft.objects.filter(corrects=invoice).exists()


def test_a_credit_note_takes_back_the_chosen_lines(staff: Client, draft: Draft) -> None:
    lines = (make_line(), make_line("90.00", name="Mise en service"))
    invoice = issue_draft(make_draft(draft.client, *lines))
    page = address("invoicing:credit", invoice.ref)

    staff.post(page, {"lines": ["1"], "reason": "Pas encore faite"})
    note = issue_draft(Draft.objects.get(corrects=invoice))
    whole = staff.post(page, {"lines": ["0", "1"], "reason": "Tout"})
    rest = staff.post(page, {"lines": ["0"], "reason": "Le reste"})

    assert note.gross == Decimal("108.00")
    assert note.snapshot["corrects"]["is_partial"] is True
    assert whole.status_code == 422
    assert rest.status_code == 302


def test_of_two_pages_that_issue_the_second_says_so(staff: Client, draft: Draft) -> None:
    page = address("invoicing:issue", draft.ref)

    staff.post(page)
    second = staff.post(page, follow=True).text
    issue_draft(draft)
    third = staff.post(page, follow=True).text

    assert "déjà demandée" in second
    assert "Émettre et envoyer" not in second
    assert "a déjà été émis" in third
    assert len(entries("issue", draft)) == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"territory_confirmed_at": None}, "Confirmez le territoire"),
        ({"siren": "", "siret": ""}, "Le SIREN est obligatoire"),
    ],
)
def test_an_incomplete_identity_is_said_before_the_issue(
    staff: Client, draft: Draft, changes: dict[str, Any], text: str
) -> None:
    type(draft.client).objects.update(**changes)

    shown = staff.get(address("invoicing:draft", draft.ref)).text
    asked = staff.post(address("invoicing:issue", draft.ref), follow=True).text

    assert text in shown
    assert "Émettre et envoyer" not in shown
    assert "ne peut pas être émis" in asked
    assert entries("issue", draft) == []


def test_without_a_seller_a_draft_says_so(staff: Client, public: Unit) -> None:
    draft = make_draft(make_buyer())

    assert (
        "Les coordonnées du vendeur manquent"
        in staff.get(address("invoicing:draft", draft.ref)).text
    )
    assert staff.get(address("invoicing:preview", draft.ref)).status_code == 409


def test_late_payment_is_computed_and_shown(staff: Client, draft: Draft) -> None:
    late = issue_draft(draft, now=dt.datetime.now(dt.UTC) - dt.timedelta(days=40))
    page = address("invoicing:invoice", late.ref)
    without_rate = staff.get(page).text
    first = RefRate(valid_from=dt.date(2020, 1, 1), ecb=Decimal(9), legal=Decimal(9))
    # Of several rows for one day the newest counts.
    second = RefRate(valid_from=dt.date(2020, 1, 1), ecb=Decimal("2.15"), legal=Decimal("2.62"))
    RefRate.objects.bulk_create([first, second])

    shown = staff.get(page).text

    assert "10 jours de retard" in without_rate
    assert "le taux de référence de la période manque" in without_rate
    # 34.80 × 12.15 % × 10 / 365
    assert "0,12\u00a0€" in shown
    assert "40,00\u00a0€" in shown


def test_what_is_not_late_has_no_interest(staff: Client, invoice: Invoice) -> None:
    assert "jours de retard" not in staff.get(address("invoicing:invoice", invoice.ref)).text


def test_a_document_shows_its_place_in_the_chain(staff: Client, invoice: Invoice) -> None:
    shown = staff.get(address("invoicing:invoice", invoice.ref)).text

    assert fingerprint(invoice.hash) in shown
    assert fingerprint(invoice.prev_hash) in shown
    assert invoice.series.code in shown


def test_the_overview_the_search_and_the_file_lead_to_invoices(
    staff: Client, invoice: Invoice
) -> None:
    overview = staff.get(address("desk:overview")).text
    found = staff.get(address("desk:search"), {"q": invoice.number}, follow=True).text
    file = staff.get(address("clients:file", invoice.client_ref), {"onglet": "factures"}).text

    assert "Factures à émettre" in overview
    assert "Factures en retard" in overview
    assert invoice.number in found
    assert invoice.number in file
