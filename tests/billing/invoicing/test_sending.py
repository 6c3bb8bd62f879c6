"""A document reaches its client: the mail with the PDF, the link without an account, what happens without."""

import datetime as dt
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client as Browser

from billing.clients.models import Client
from billing.invoicing import download_links
from billing.invoicing.document_urls import urlpatterns
from billing.invoicing.handlers import SendDocument
from billing.invoicing.kinds import SEND
from billing.invoicing.models import DownloadLink, Invoice
from billing.invoicing.services import credit
from tenants.outbox.delivery import not_sent
from tenants.outbox.emails import Email
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import PUBLIC, Unit
from tests.ledger import NOW, issue_draft, make_buyer, make_draft, make_line, open_ledger


@pytest.fixture
def invoice(public: Unit) -> Invoice:
    """An issued invoice, whose sending was asked for by its issue."""
    open_ledger()
    return issue_draft(make_draft(make_buyer()))


def email_of(invoice: Invoice) -> Email:
    """Return the e-mail of a document that was issued, as the worker prepares it."""
    entry = OutboxEntry.objects.get(kind=SEND, subject_id=invoice.pk)
    call: Any = SendDocument().prepare(entry, NO_PAYLOAD, unit=PUBLIC, now=NOW)
    email: Email = call.args[0]
    return email


def body_of(email: Email) -> str:
    """Return the plain text of an e-mail."""
    return render_to_string("emails/invoice.txt", {**email.context, **email.paths})


def test_an_issued_invoice_leaves_with_its_pdf_and_a_link(
    invoice: Invoice, public_host: str
) -> None:
    email = email_of(invoice)

    [(name, data, kind)] = email.attachments
    path = email.paths["link"]
    client = Browser(headers={"host": public_host})
    page, pdf, xml = (client.get(f"{path}{file}") for file in ("", "document.pdf", "document.xml"))
    assert email.to == "anais@example.org"
    assert f"la facture {invoice.number} de 34,80\u00a0€ TTC" in body_of(email)
    assert path in body_of(email)
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf")
    assert pdf.content == data
    assert xml.content.startswith(b"<xml/>")
    assert invoice.number in page.text
    assert (page["Referrer-Policy"], "no-store" in page["Cache-Control"]) == ("no-referrer", True)
    assert not page.cookies


def test_a_credit_note_says_which_invoice_it_corrects(invoice: Invoice) -> None:
    draft = credit(invoice=invoice, lines=[make_line()], reason="Double", actor="user:1", now=NOW)
    note = issue_draft(draft)

    text = body_of(email_of(note))

    assert f"l’avoir {note.number}" in text
    assert f"sur la facture {invoice.number}" in text
    assert "à payer" not in text


def test_a_client_without_an_address_gets_no_mail_and_the_entry_says_so(invoice: Invoice) -> None:
    Client.objects.update(email="")
    entry = OutboxEntry.objects.get(kind=SEND, subject_id=invoice.pk)

    outcome = SendDocument().prepare(entry, NO_PAYLOAD, unit=PUBLIC, now=NOW)

    assert outcome == not_sent("no_address")
    assert not DownloadLink.objects.exists()


def test_a_link_ends_and_its_token_is_not_stored(invoice: Invoice) -> None:
    token = download_links.open_link(invoice=invoice, now=NOW)
    last = NOW + download_links.VALID_FOR

    assert download_links.invoice_of(token, now=last - dt.timedelta(seconds=1)) == invoice
    assert download_links.invoice_of(token, now=last) is None
    assert token.encode() not in bytes(DownloadLink.objects.get().token_hash)
    download_links.open_link(invoice=invoice, now=last)
    assert DownloadLink.objects.count() == 1


@pytest.mark.parametrize("token", ["x", "0" * 64, "0" * 500, "é"])
@pytest.mark.parametrize("file", ["", "document.pdf", "document.xml"])
def test_an_unknown_link_opens_nothing(
    invoice: Invoice, public_host: str, token: str, file: str
) -> None:
    answer = Browser(headers={"host": public_host}).get(f"/facture/{token}/{file}")

    assert answer.status_code == 404
    assert file or "Ce lien ne sert plus" in answer.text


def test_the_pages_of_a_link_only_read(invoice: Invoice, public_host: str) -> None:
    token = download_links.open_link(invoice=invoice, now=NOW)
    browser = Browser(headers={"host": public_host})

    for file in ("", "document.pdf", "document.xml"):
        assert browser.post(f"/facture/{token}/{file}").status_code == 405
    assert len(urlpatterns) == 3
