"""Issuing: numbers, days, links, copies, and what is refused (F-03, F-04, F-06, F-13, F-20, F-21)."""

import datetime as dt
import hashlib
import uuid
from decimal import Decimal
from typing import Any

import pytest

from billing.clients.models import Client
from billing.invoicing import documents, services
from billing.invoicing.contents import DraftContent
from billing.invoicing.errors import (
    AlreadyIssued,
    CreditExceedsInvoice,
    IncompleteIdentity,
    NoSeller,
    NoSeries,
    Undrawable,
    VatChanged,
)
from billing.invoicing.links import genesis, link
from billing.invoicing.models import Draft, Invoice, SellerProfile, Series
from billing.invoicing.series import open_series
from billing.invoicing.services import DraftPeriod, body_of, credit, issue, new_draft
from billing.invoicing.snapshot import InvoiceSnapshot, from_json
from billing.invoicing.snapshot_checks import InvoiceFault
from billing.orders.models import Order, Subscription
from tenants.audit.models import AuditEvent
from tenants.schema import Unit
from tests.ledger import (
    NOW,
    draw_nothing,
    issue_draft,
    make_buyer,
    make_draft,
    make_line,
    open_ledger,
)

NEW_YEAR = dt.datetime(2026, 12, 31, 23, 30, tzinfo=dt.UTC)
"""Half past midnight of 1 January 2027 in Paris."""


@pytest.fixture
def buyer(public: Unit) -> Client:
    open_ledger()
    return make_buyer()


def subscription_of(client: Client) -> Subscription:
    order = Order.objects.create(client=client, number="BC-1", created_at=NOW)
    return Subscription.objects.create(
        order=order, starts_on=dt.date(2026, 12, 1), anchor_day=1, rhythm="month"
    )


def test_numbers_follow_each_other_and_the_series_moves(buyer: Client) -> None:
    numbers = [issue_draft(make_draft(buyer)).number for _document in range(3)]

    series = Series.objects.get(code="F2026")
    assert numbers == ["F2026-000001", "F2026-000002", "F2026-000003"]
    assert (series.last, series.last_on) == (3, dt.date(2026, 12, 1))
    assert Series.objects.get(code="A2026").last == 0


def test_a_document_is_a_copy_of_seller_client_and_draft(buyer: Client) -> None:
    draft = make_draft(buyer)

    invoice = issue_draft(draft)
    Client.objects.filter(pk=buyer.pk).update(legal_name="Autre Nom")

    snapshot = from_json(Invoice.objects.get().snapshot)
    assert snapshot.buyer.name == "Anaïs Dupont-Lœuvre EI"
    assert snapshot.seller.siren == "123456782"
    assert snapshot.number == invoice.number
    assert (invoice.net, invoice.tax, invoice.gross) == (
        Decimal("29.00"),
        Decimal("5.80"),
        Decimal("34.80"),
    )
    assert invoice.due_on == dt.date(2026, 12, 31)
    assert invoice.client_ref == buyer.ref
    assert invoice.ref == draft.ref
    assert invoice.archive_until == dt.date(2036, 12, 31)
    assert not Draft.objects.exists()
    assert AuditEvent.objects.filter(verb="invoice.issued", ref=invoice.ref).exists()


def test_documents_of_a_series_are_chained_from_its_genesis(buyer: Client) -> None:
    first, second = (issue_draft(make_draft(buyer)) for _document in range(2))

    assert bytes(first.prev_hash) == genesis("F2026")
    assert bytes(second.prev_hash) == bytes(first.hash)
    stored = Invoice.objects.get(pk=second.pk)
    assert bytes(stored.hash) == link(bytes(first.hash), bytes(stored.files_hash), body_of(stored))
    pdf, xml = stored.files.order_by("kind")
    hashes = hashlib.sha256(bytes(pdf.sha256) + bytes(xml.sha256)).digest()
    assert bytes(stored.files_hash) == hashes


def test_the_real_documents_are_drawn_with_the_number(buyer: Client) -> None:
    invoice = issue(draft_ref=make_draft(buyer).ref, now=NOW)

    pdf, xml = invoice.files.order_by("kind")
    assert bytes(pdf.data).startswith(b"%PDF")
    assert invoice.number.encode() in bytes(xml.data)


def test_a_draft_is_issued_once(buyer: Client) -> None:
    draft = make_draft(buyer)
    issue_draft(draft)

    with pytest.raises(AlreadyIssued):
        issue_draft(draft)

    assert Invoice.objects.count() == 1


def test_a_drawing_that_fails_gives_the_number_back_and_keeps_the_draft(buyer: Client) -> None:
    draft = make_draft(buyer)

    def draw(snapshot: InvoiceSnapshot) -> Any:
        raise documents.CannotDraw([InvoiceFault.BUYER_SIREN])

    with pytest.raises(Undrawable) as refusal:
        issue(draft_ref=draft.ref, now=NOW, draw=draw)

    assert refusal.value.faults == ("buyer_siren",)
    assert Draft.objects.filter(ref=draft.ref).exists()
    assert issue_draft(draft).number == "F2026-000001"


@pytest.mark.parametrize(
    "fields",
    [
        {"siren": "", "siret": ""},
        {"siret": "35600000000048"},
        {"territory_confirmed_at": None},
        {"territory": "EU"},
    ],
)
def test_a_client_whose_identity_is_incomplete_is_not_invoiced(
    public: Unit, fields: dict[str, Any]
) -> None:
    open_ledger()
    draft = make_draft(make_buyer(**fields))

    with pytest.raises(IncompleteIdentity):
        issue_draft(draft)


def test_the_year_of_the_prefix_is_that_of_the_day_in_paris(buyer: Client) -> None:
    old = issue_draft(make_draft(buyer), now=NEW_YEAR - dt.timedelta(hours=1))
    new = issue_draft(make_draft(buyer), now=NEW_YEAR)

    assert (old.number, old.issued_on) == ("F2026-000001", dt.date(2026, 12, 31))
    assert (new.number, new.issued_on) == ("F2027-000001", dt.date(2027, 1, 1))
    assert new.archive_until == dt.date(2037, 12, 31)


def test_a_clock_that_steps_back_over_new_year_keeps_the_later_series(buyer: Client) -> None:
    issue_draft(make_draft(buyer), now=NEW_YEAR)

    late = issue_draft(make_draft(buyer), now=NEW_YEAR - dt.timedelta(hours=1))

    assert (late.number, late.issued_on) == ("F2027-000002", dt.date(2027, 1, 1))


def test_a_clock_that_steps_back_keeps_the_order_of_days(buyer: Client) -> None:
    issue_draft(make_draft(buyer), now=NOW + dt.timedelta(days=2))

    assert issue_draft(make_draft(buyer), now=NOW).issued_on == dt.date(2026, 12, 3)


def test_a_year_without_series_is_refused_and_made_by_the_duty(buyer: Client) -> None:
    draft, later = make_draft(buyer), NOW.replace(year=2030)
    with pytest.raises(NoSeries):
        issue_draft(draft, now=later)

    open_series(year=2030)
    open_series(year=2030)

    assert issue_draft(draft, now=later).number == "F2030-000001"


def test_without_a_seller_of_the_day_nothing_is_issued(public: Unit) -> None:
    open_ledger(valid_from=dt.date(2026, 12, 2))
    draft = make_draft(make_buyer())

    with pytest.raises(NoSeller):
        issue_draft(draft)


def test_the_newest_profile_of_the_day_counts(buyer: Client) -> None:
    values = SellerProfile.objects.values().get()
    corrected = values | {"id": None, "name": "lib-rdv SARL", "valid_from": dt.date(2026, 12, 1)}
    SellerProfile.objects.create(**corrected)
    SellerProfile.objects.create(**corrected | {"valid_from": dt.date(2026, 12, 2), "name": "X"})

    invoice = issue_draft(make_draft(buyer))

    assert from_json(invoice.snapshot).seller.name == "lib-rdv SARL"


def test_a_draft_of_another_regime_is_refused(public: Unit) -> None:
    open_ledger(vat_regime="franchise_293B")
    draft = make_draft(make_buyer())

    with pytest.raises(VatChanged):
        issue_draft(draft)


def test_a_period_of_a_subscription_has_one_draft_and_one_invoice(buyer: Client) -> None:
    content = DraftContent(lines=(make_line(),))
    period = DraftPeriod(dt.date(2026, 12, 1), dt.date(2027, 1, 1), subscription_of(buyer))
    draft = new_draft(client=buyer, content=content, period=period, now=NOW)
    with pytest.raises(AlreadyIssued):
        new_draft(client=buyer, content=content, period=period, now=NOW)

    invoice = issue_draft(draft)

    assert from_json(invoice.snapshot).period == (dt.date(2026, 12, 1), dt.date(2026, 12, 31))
    with pytest.raises(AlreadyIssued):
        new_draft(client=buyer, content=content, period=period, now=NOW)


# --- Credit notes ------------------------------------------------------------------------------------


def test_a_credit_note_has_its_series_and_names_the_invoice(buyer: Client) -> None:
    invoice = issue_draft(make_draft(buyer))
    Client.objects.filter(pk=buyer.pk).update(legal_name="Autre Nom")
    buyer.refresh_from_db()

    draft = credit(
        invoice=invoice, lines=[make_line()], reason="Résiliation", actor="user:1", now=NOW
    )
    note = issue(draft_ref=draft.ref, now=NOW)

    snapshot = from_json(note.snapshot)
    assert note.number == "A2026-000001"
    assert note.corrects == invoice
    assert snapshot.corrects is not None
    assert (snapshot.corrects.number, snapshot.corrects.is_partial) == (invoice.number, False)
    assert snapshot.buyer.name == "Anaïs Dupont-Lœuvre EI"
    assert note.gross == invoice.gross
    assert snapshot.account is None


def test_credit_notes_never_exceed_their_invoice(buyer: Client) -> None:
    invoice = issue_draft(make_draft(buyer))
    arguments: dict[str, Any] = {"invoice": invoice, "reason": "Geste", "actor": "user:1"}
    first = credit(lines=[make_line("20.00")], now=NOW, **arguments)
    second = credit(lines=[make_line("20.00")], now=NOW, **arguments)
    issue_draft(first)

    with pytest.raises(CreditExceedsInvoice):
        issue_draft(second)
    with pytest.raises(CreditExceedsInvoice):
        credit(lines=[make_line("9.01")], now=NOW, **arguments)

    assert issue_draft(credit(lines=[make_line("9.00")], now=NOW, **arguments)).gross == Decimal(
        "10.80"
    )


def test_a_credit_note_is_not_credited(buyer: Client) -> None:
    invoice = issue_draft(make_draft(buyer))
    note = issue_draft(
        credit(invoice=invoice, lines=[make_line()], reason="Erreur", actor="user:1", now=NOW)
    )

    with pytest.raises(ValueError, match="corrects"):
        credit(invoice=note, lines=[make_line()], reason="Erreur", actor="user:1", now=NOW)


def test_a_deleted_draft_is_not_issued(buyer: Client) -> None:
    draft = make_draft(buyer)

    services.delete_draft(draft_ref=draft.ref, actor="user:1", now=NOW)

    with pytest.raises(AlreadyIssued):
        issue(draft_ref=draft.ref, now=NOW, draw=draw_nothing)
    with pytest.raises(AlreadyIssued):
        services.delete_draft(draft_ref=uuid.uuid4(), actor="user:1", now=NOW)
