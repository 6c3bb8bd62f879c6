"""The lines of a draft at the desk: changed, added, removed; drafts without a period (A4)."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.invoicing.contents import read_content
from billing.invoicing.models import Draft
from billing.invoicing.snapshot import Line
from tenants.edit_form import VERSION
from tenants.schema import Unit
from tests.ledger import issue_draft, make_buyer, make_draft, make_line, open_ledger
from tests.staff import address

LINE = {"name_0": "Formation", "quantity_0": "1,5", "unit_price_0": "80,00 €"}


@pytest.fixture
def draft(public: Unit) -> Draft:
    """A draft of one line that can be issued."""
    open_ledger()
    return make_draft(make_buyer())


def lines_of(draft: Draft) -> tuple[Line, ...]:
    draft.refresh_from_db()
    return read_content(draft.content).lines


def shown_values(staff: Client, draft: Draft) -> dict[str, Any]:
    """Return what a browser sends when nothing is typed."""
    form = staff.get(address("invoicing:edit", draft.ref)).context["form"]
    return {field.html_name: field.value() or "" for field in form}


def test_a_line_is_changed_and_one_is_added(staff: Client, draft: Draft) -> None:
    sent = shown_values(staff, draft) | {
        "unit_price_0": "25",
        "discount_0": "5",
        "discount_reason_0": "Geste commercial",
        "name_1": "Formation",
        "quantity_1": "",
        "unit_price_1": "80",
        "due_on": "2027-01-31",
    }

    answer = staff.post(address("invoicing:edit", draft.ref), sent)

    first, second = lines_of(draft)
    assert answer["Location"] == address("invoicing:draft", draft.ref)
    assert (first.net, first.discount_reason) == (Decimal("20.00"), "Geste commercial")
    assert (second.net, second.category, second.rate) == (Decimal(80), "S", Decimal(20))
    assert read_content(draft.content).due_on == dt.date(2027, 1, 31)
    assert issue_draft(draft).gross == Decimal("120.00")


def test_a_line_that_stays_keeps_its_vat_and_its_days(staff: Client) -> None:
    open_ledger()
    days: dict[str, Any] = {"starts_on": dt.date(2026, 12, 1), "ends_on": dt.date(2026, 12, 31)}
    line = make_line(kind="disbursement", category="E", rate=Decimal(0), vatex="VATEX-EU-79-C")
    draft = make_draft(make_buyer(), make_line(**days), line)

    staff.post(
        address("invoicing:edit", draft.ref),
        shown_values(staff, draft) | {"name_0": "", "unit_price_0": "", "quantity_0": ""},
    )

    (kept,) = lines_of(draft)
    assert (kept.kind, kept.category, kept.vatex) == ("disbursement", "E", "VATEX-EU-79-C")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name_0": ""}, "Donnez la désignation."),
        ({"unit_price_0": ""}, "Donnez le prix hors taxes."),
        ({"unit_price_0": "beaucoup"}, "Donnez un nombre"),
        ({"unit_price_0": "-3"}, "Donnez un nombre"),
        ({"unit_price_0": "1,23456"}, "Donnez un nombre"),
        ({"quantity_0": "0"}, "La quantité est positive."),
        ({"name_0": "SMS 📱"}, "📱"),
        ({"discount_0": "500", "discount_reason_0": "Trop"}, "dépasse le montant"),
        ({"discount_0": "5"}, "Donnez le motif"),
        ({"name_0": "", "unit_price_0": ""}, "Ajoutez au moins une ligne."),
        ({"due_on": "demain"}, "ne semble pas valide"),
    ],
)
@pytest.mark.parametrize("page", ["edit", "new"])
def test_a_wrong_row_is_explained_and_kept(
    staff: Client, draft: Draft, page: str, changes: dict[str, str], message: str
) -> None:
    before = draft.content
    sent = shown_values(staff, draft) | LINE | changes
    if page == "new":
        del sent[VERSION]
    ref = draft.ref if page == "edit" else draft.client.ref

    answer = staff.post(address(f"invoicing:{page}", ref), sent)

    assert answer.status_code == 422
    assert message in answer.text
    assert all(value in answer.text for value in changes.values())
    draft.refresh_from_db()
    assert draft.content == before
    assert Draft.objects.count() == 1


def test_of_two_pages_that_change_a_draft_the_second_says_so(staff: Client, draft: Draft) -> None:
    sent = shown_values(staff, draft)
    page = address("invoicing:edit", draft.ref)

    first = staff.post(page, sent | {"unit_price_0": "25"})
    second = staff.post(page, sent | {"unit_price_0": "27"})

    assert (first.status_code, second.status_code) == (302, 409)
    assert lines_of(draft)[0].unit_price == Decimal(25)


def test_a_draft_that_was_issued_meanwhile_is_not_changed(staff: Client, draft: Draft) -> None:
    sent = shown_values(staff, draft)
    invoice = issue_draft(draft)

    page = staff.post(address("invoicing:edit", draft.ref), sent, follow=True).text

    assert "a déjà été émis" in page
    assert invoice.number in page


def test_the_lines_of_a_credit_note_are_those_of_its_invoice(staff: Client, draft: Draft) -> None:
    invoice = issue_draft(draft)
    staff.post(address("invoicing:credit", invoice.ref), {"lines": ["0"], "reason": "Erreur"})
    note = Draft.objects.get(corrects=invoice)

    assert staff.get(address("invoicing:edit", note.ref)).status_code == 404
    assert "Changer les lignes" not in staff.get(address("invoicing:draft", note.ref)).text


def test_a_client_gets_a_draft_without_a_period(staff: Client, draft: Draft) -> None:
    file = staff.get(address("clients:file", draft.client.ref), {"onglet": "factures"}).text
    answer = staff.post(address("invoicing:new", draft.client.ref), LINE)

    made = Draft.objects.exclude(pk=draft.pk).get()
    assert address("invoicing:new", draft.client.ref) in file
    assert answer["Location"] == address("invoicing:draft", made.ref)
    assert (made.period_start, made.subscription) == (None, None)
    assert lines_of(made)[0].net == Decimal("120.00")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"territory_confirmed_at": None}, "Confirmez le territoire"),
        ({"territory": "EU"}, "ne donnent pas de TVA"),
    ],
)
def test_a_new_line_needs_a_decided_vat(
    staff: Client, draft: Draft, changes: dict[str, Any], message: str
) -> None:
    type(draft.client).objects.update(**changes)

    answer = staff.post(address("invoicing:new", draft.client.ref), LINE)

    assert answer.status_code == 422
    assert message in answer.text
    assert "Formation" in answer.text
    assert Draft.objects.count() == 1
