"""The seller at the desk: a profile from a day on, never changed; reference rates of late payment (F-01, F-08)."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.invoicing.models import RefRate, SellerProfile, Series
from billing.invoicing.seller.queries import COLUMNS
from billing.invoicing.seller.urls import urlpatterns
from billing.invoicing.series import day_in_paris
from tenants.audit.models import AuditEvent
from tenants.edit_form import VERSION
from tenants.schema import Unit
from tests.accounts import browser, make_user
from tests.ledger import issue_draft, make_buyer, make_draft
from tests.staff import address

METHODS = {"show": ("get",), "change": ("get", "post"), "rates": ("get", "post")}
TODAY = day_in_paris(dt.datetime.now(dt.UTC))
TYPED = {
    "valid_from": TODAY.isoformat(),
    "name": "lib-rdv",
    "legal_form": "SARL",
    "capital": "5 000 €",
    "register": "RCS Bayonne 123 456 782",
    "siren": "123 456 782",
    "siret": "123 456 782 00010",
    "vat_regime": "normal",
    "vat_number": "FR11123456782",
    "street": "12 rue des Thermes",
    "building": "",
    "postcode": "64210",
    "town": "Bidart",
    "phone": "",
    "email": "facturation@lib-rdv.example",
    "iban": "FR76 3000 6000 0112 3456 7890 189",
    "bic": "agrifrpp",
    "ics": "FR72ZZZ123456",
    "payment_days": "30",
    "penalty_rate": "12,15 %",
    "discount_terms": "néant",
}
RATES = {"valid_from": "2026-07-01", "ecb": "2,15", "legal": "2,62"}


def page_of(name: str) -> str:
    """Return the address of a page."""
    return address(f"seller:{name}")


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_strangers_and_other_accounts_are_refused(
    public: Unit, public_host: str, name: str
) -> None:
    stranger = browser(public_host).post(page_of(name))
    other = browser(public_host, make_user()).get(page_of(name))

    assert stranger["Location"].startswith("/connexion/?next=")
    assert other.status_code == 403


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("name", METHODS)
def test_every_page_takes_its_own_methods(staff: Client, name: str, method: str) -> None:
    status = getattr(staff, method)(page_of(name)).status_code

    assert (status == 405) == (method not in METHODS[name])
    assert status < 500


def test_an_empty_system_can_issue_once_the_seller_is_given(staff: Client) -> None:
    before = staff.get(page_of("show")).text

    answer = staff.post(page_of("change"), TYPED)
    invoice = issue_draft(make_draft(make_buyer()), now=dt.datetime.now(dt.UTC))

    profile = SellerProfile.objects.get()
    assert "Aucune facture ne peut être émise avant" in before
    assert answer["Location"] == page_of("show")
    assert (profile.siren, profile.vat_number) == ("123456782", "FR11123456782")
    assert (profile.iban, profile.bic) == ("FR7630006000011234567890189", "AGRIFRPP")
    assert profile.penalty_rate == Decimal("12.15")
    assert invoice.number == f"F{TODAY.year}-000001"
    assert Series.objects.filter(code=f"A{TODAY.year + 1}").exists()
    assert AuditEvent.objects.filter(verb="seller.changed").exists()
    assert "En vigueur" in staff.get(page_of("show")).text


def test_a_change_adds_a_row_from_its_day_on(staff: Client) -> None:
    staff.post(page_of("change"), TYPED)
    version = staff.get(page_of("change")).context["form"][VERSION].value()
    later = (TODAY + dt.timedelta(days=40)).isoformat()

    changed = {**TYPED, "valid_from": later, "town": "Biarritz", VERSION: version}
    answer = staff.post(page_of("change"), changed)
    second = staff.post(page_of("change"), {**changed, "town": "Anglet"})

    assert answer.status_code == 302
    assert second.status_code == 409
    assert set(SellerProfile.objects.values_list("town", flat=True)) == {"Bidart", "Biarritz"}
    page = staff.get(page_of("show")).text
    assert "À venir" in page
    assert "Bidart" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid_from": "2020-01-01"}, "Le passé ne change pas"),
        ({"valid_from": "hier"}, "ne semble pas valide"),
        ({"name": ""}, "obligatoire"),
        ({"name": "lib-rdv 📱"}, "📱"),
        ({"siren": "123456789"}, "SIREN n’existe pas"),
        ({"siret": "55210055400013"}, "celui d’une autre entreprise"),
        ({"vat_number": ""}, "demande un numéro de TVA"),
        ({"vat_number": "FR96552100554"}, "celui d’un autre SIREN"),
        ({"vat_regime": "none"}, "choix"),
        ({"iban": "FR7630006000011234567890188"}, "IBAN n’existe pas"),
        ({"iban": "XX00"}, "IBAN n’existe pas"),
        ({"bic": "12"}, "huit ou onze"),
        ({"ics": "FR73ZZZ123456"}, "identifiant n’existe pas"),
        ({"payment_days": "61"}, "60"),
        ({"payment_days": "-1"}, "0"),
        ({"penalty_rate": "0"}, "Le taux est positif."),
        ({"penalty_rate": "beaucoup"}, "taux annuel"),
        ({"email": "pas une adresse"}, "adresse"),
    ],
)
def test_a_wrong_value_is_explained_and_kept(
    staff: Client, changes: dict[str, str], message: str
) -> None:
    answer = staff.post(page_of("change"), {**TYPED, **changes})

    assert answer.status_code == 422
    assert message in answer.text
    assert "12 rue des Thermes" in answer.text
    assert not SellerProfile.objects.exists()


def test_the_franchise_needs_no_vat_number(staff: Client) -> None:
    typed = {**TYPED, "vat_regime": "franchise_293B", "vat_number": "", "ics": "", "iban": ""}

    assert staff.post(page_of("change"), typed).status_code == 302
    assert "art. 293 B" in staff.get(page_of("show")).text


def test_every_column_of_a_profile_has_its_field() -> None:
    columns = {field.name for field in SellerProfile._meta.get_fields()}

    assert columns - set(COLUMNS) == {"id", "valid_from", "country", "endpoint"}


def test_rates_are_added(staff: Client) -> None:
    without = staff.get(page_of("show")).text
    answer = staff.post(page_of("rates"), RATES)

    assert "Sans taux" in without
    assert answer["Location"] == page_of("show")
    row = RefRate.objects.get()
    assert (row.ecb, row.legal) == (Decimal("2.15"), Decimal("2.62"))
    assert "2,62\u00a0%" in staff.get(page_of("show")).text


@pytest.mark.parametrize(
    "changes",
    [{"ecb": "beaucoup"}, {"ecb": "2,155"}, {"legal": "-1"}, {"legal": ""}, {"valid_from": "?"}],
)
def test_wrong_rates_are_explained(staff: Client, changes: dict[str, Any]) -> None:
    answer = staff.post(page_of("rates"), {**RATES, **changes})

    assert answer.status_code == 422
    assert not RefRate.objects.exists()
