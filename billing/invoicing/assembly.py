"""Assembles the snapshot of a document from its draft, its client and the seller of the day (F-01, F-02, F-21)."""

import datetime as dt

from billing.clients.identity import contradictions
from billing.clients.models import Client
from billing.clients.party import buyer_kind, buyer_of
from billing.invoicing.contents import DraftContent, read_content
from billing.invoicing.errors import IncompleteIdentity, NoSeller, VatChanged
from billing.invoicing.mentions import Terms, case_of, notes
from billing.invoicing.models import Draft, SellerProfile
from billing.invoicing.snapshot import BankAccount, Correction, InvoiceSnapshot
from billing.orders.seller import Seller, SellerUnknown
from billing.parties import Address, Party
from billing.territories import Territory
from billing.vat import FRANCHISE, SellerRegime


def seller_on(day: dt.date) -> SellerProfile:
    """Return the seller's profile on a day. Raises NoSeller."""
    found = SellerProfile.objects.filter(valid_from__lte=day).first()
    if found is None:
        raise NoSeller
    return found


def read_seller(day: dt.date) -> Seller:
    """Return the seller of a day as order forms name it. Raises SellerUnknown."""
    try:
        profile = seller_on(day)
    except NoSeller:
        raise SellerUnknown from None
    return Seller(seller_party(profile), SellerRegime(profile.vat_regime))


def assemble(
    draft: Draft, *, seller: SellerProfile, issued_on: dt.date, number: str = ""
) -> InvoiceSnapshot:
    """Return what the document of a draft says; without a number it is a preview.

    Raises VatChanged when the lines have the VAT of another regime of the seller.
    """
    content = read_content(draft.content)
    _check_regime(content, seller)
    corrects = _correction(draft, content)
    terms = Terms(seller.penalty_rate, seller.discount_terms, seller.register)
    buyer = content.buyer or buyer_of(draft.client)
    return InvoiceSnapshot(
        number=number,
        issued_on=issued_on,
        due_on=_due_on(content, seller, issued_on, is_credit=corrects is not None),
        seller=seller_party(seller),
        buyer=buyer,
        lines=content.lines,
        notes=notes(terms=terms, case=content.case or _case(draft.client), corrects=corrects),
        corrects=corrects,
        period=_period(draft),
        direct_debit=content.direct_debit,
        account=_account(content, seller, is_credit=corrects is not None),
        vat_on_debits=seller.vat_on_debits,
        order_ref=content.order_ref,
    )


def check_identity(client: Client) -> None:
    """Raise IncompleteIdentity unless staff confirmed the territory and the numbers of the client agree (F-02)."""
    if client.territory_confirmed_at is None or not client.territory:
        raise IncompleteIdentity("territory")
    wrong = contradictions(
        territory=Territory(client.territory),
        siren=client.siren,
        siret=client.siret,
        vat_number=client.vat_number,
    )
    if found := next(wrong, None):
        raise IncompleteIdentity(found.value)


def _case(client: Client) -> str:
    territory = Territory(client.territory) if client.territory else Territory.METROPOLE
    return case_of(territory=territory, buyer=buyer_kind(client), has_siren=bool(client.siren))


def seller_party(seller: SellerProfile) -> Party:
    """Return the seller as documents name it."""
    capital = f" au capital de {seller.capital}" if seller.capital else ""
    register = f", {seller.register}" if seller.register else ""
    is_exempt = seller.vat_regime == SellerRegime.FRANCHISE
    return Party(
        name=seller.name,
        address=Address(
            seller.street, seller.postcode, seller.town, seller.country, seller.building
        ),
        siren=seller.siren,
        siret=seller.siret,
        vat_number="" if is_exempt else seller.vat_number,
        legal_info=f"{seller.legal_form}{capital}{register}",
        email=seller.email,
        phone=seller.phone,
        endpoint=seller.endpoint or seller.siren,
    )


def _account(
    content: DraftContent, seller: SellerProfile, *, is_credit: bool
) -> BankAccount | None:
    if content.direct_debit or is_credit or not seller.iban:
        return None
    return BankAccount(seller.iban, seller.bic)


def _due_on(
    content: DraftContent, seller: SellerProfile, issued_on: dt.date, *, is_credit: bool
) -> dt.date:
    if is_credit:
        return issued_on
    term = issued_on + dt.timedelta(days=seller.payment_days)
    return max(content.due_on or term, issued_on)


def _period(draft: Draft) -> tuple[dt.date, dt.date] | None:
    """Return the period with both days included."""
    if draft.period_start is None or draft.period_end is None:
        return None
    return draft.period_start, draft.period_end - dt.timedelta(days=1)


def _correction(draft: Draft, content: DraftContent) -> Correction | None:
    if draft.corrects is None:
        return None
    origin = draft.corrects
    return Correction(origin.number, origin.issued_on, content.reason, content.is_partial)


def _check_regime(content: DraftContent, seller: SellerProfile) -> None:
    if content.reason:  # a credit note has the VAT of its invoice (F-06)
        return
    is_franchise = seller.vat_regime == SellerRegime.FRANCHISE
    for line in content.lines:
        if is_franchise and line.category == "S":
            raise VatChanged
        if not is_franchise and line.vatex == FRANCHISE.vatex:
            raise VatChanged
