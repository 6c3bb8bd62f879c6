"""VAT: the whole table of territory, buyer and regime (F-10, F-11), and what may share an invoice (F-15)."""

import datetime as dt
from decimal import Decimal
from itertools import product

import pytest

from billing.territories import Territory
from billing.vat import (
    ARTICLE_294,
    DISBURSEMENT,
    FRANCHISE,
    OUT_OF_SCOPE,
    REVERSE_CHARGE,
    BuyerKind,
    LineKind,
    SellerRegime,
    SeparateInvoiceNeeded,
    VatDecision,
    VatUndecided,
    check_together,
    decide,
    decide_line,
)

TODAY = dt.date(2026, 12, 1)
FULL, REDUCED = VatDecision("S", Decimal(20)), VatDecision("S", Decimal("8.5"))

TABLE = {
    # territory: taxable, taxable with a VAT number, not taxable (None: the accountant decides)
    "FR": (FULL, FULL, FULL),
    "MC": (FULL, FULL, FULL),
    "GP": (REDUCED, REDUCED, None),
    "MQ": (REDUCED, REDUCED, None),
    "RE": (REDUCED, REDUCED, None),
    "GF": (ARTICLE_294, ARTICLE_294, None),
    "YT": (ARTICLE_294, ARTICLE_294, None),
    "PM": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "BL": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "MF": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "TF": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "WF": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "PF": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "NC": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
    "EU": (None, REVERSE_CHARGE, None),
    "ZZ": (OUT_OF_SCOPE, OUT_OF_SCOPE, None),
}


def test_the_table_names_each_territory() -> None:
    assert set(TABLE) == set(Territory)


@pytest.mark.parametrize(("territory", "column"), list(product(TABLE, range(3))))
def test_the_normal_regime_follows_the_table(territory: str, column: int) -> None:
    expected = TABLE[territory][column]
    buyer = tuple(BuyerKind)[column]

    def found() -> VatDecision:
        return decide(
            territory=Territory(territory), buyer=buyer, regime=SellerRegime.NORMAL, on=TODAY
        )

    if expected is None:
        with pytest.raises(VatUndecided):
            found()
    else:
        assert found() == expected


@pytest.mark.parametrize(("territory", "buyer"), list(product(Territory, BuyerKind)))
def test_the_franchise_bills_no_vat_anywhere(territory: Territory, buyer: BuyerKind) -> None:
    found = decide(territory=territory, buyer=buyer, regime=SellerRegime.FRANCHISE, on=TODAY)

    assert found == FRANCHISE
    assert found.mention == "TVA non applicable, art. 293 B du CGI"


def test_a_day_before_the_rates_is_refused() -> None:
    with pytest.raises(VatUndecided):
        decide(
            territory=Territory.METROPOLE,
            buyer=BuyerKind.TAXABLE,
            regime=SellerRegime.NORMAL,
            on=dt.date(2013, 12, 31),
        )


@pytest.mark.parametrize("service", [FULL, REDUCED, ARTICLE_294, OUT_OF_SCOPE, FRANCHISE])
def test_a_disbursement_carries_no_vat_and_a_resale_that_of_the_service(
    service: VatDecision,
) -> None:
    assert decide_line(LineKind.DISBURSEMENT, service) == DISBURSEMENT
    assert decide_line(LineKind.RESALE, service) == service
    assert decide_line(LineKind.SERVICE, service) == service


@pytest.mark.parametrize("service", [FULL, REDUCED, REVERSE_CHARGE])
def test_a_disbursement_stands_beside_taxed_lines(service: VatDecision) -> None:
    check_together([service, DISBURSEMENT, service])


@pytest.mark.parametrize("service", [FRANCHISE, ARTICLE_294, OUT_OF_SCOPE])
def test_a_disbursement_needs_its_own_invoice_where_no_vat_is_billed(service: VatDecision) -> None:
    check_together([service, service])
    check_together([DISBURSEMENT])

    with pytest.raises(SeparateInvoiceNeeded):
        check_together([service, DISBURSEMENT])


def test_lines_outside_the_scope_share_no_invoice_with_taxed_ones() -> None:
    with pytest.raises(SeparateInvoiceNeeded):
        check_together([OUT_OF_SCOPE, FULL])
