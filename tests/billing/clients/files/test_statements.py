"""What a practice states of its identity reaches staff, who decide what enters the client's file (G-04)."""

from typing import Any

import pytest
from django.test import Client

from billing.clients.files.statements import (
    StatedIdentity,
    decide_statement,
    open_statement,
    proposed_values,
    record_statement,
)
from billing.clients.models import Client as ClientRow
from billing.clients.models import IdentityStatement
from tenants.audit.models import AuditEvent
from tenants.edit_form import VERSION
from tenants.models import Tenant
from tests.ledger import NOW, make_buyer
from tests.staff import address, make_client


def state(tenant: Tenant, **changes: str) -> StatedIdentity:
    """Record what a practice states, with these changes."""
    values = {
        "legal_name": "Anaïs Dupont EI",
        "legal_form": "Entrepreneur individuel",
        "siren": "552100554",
        "vat_number": "",
        "street": "9 rue Neuve",
        "postcode": "67000",
        "town": "Strasbourg",
    }
    stated = StatedIdentity(**values | changes)
    record_statement(tenant=tenant, stated=stated, now=NOW)
    return stated


def version_of(practice: Tenant) -> str:
    """Return the version of the open statement of a practice."""
    found = open_statement(practice)
    assert found
    return found.version


def save_shown(staff: Client, page: str, **changes: str) -> Any:
    """Post the form of a page as it was shown, with these changes."""
    form = staff.get(page).context["form"]
    names = [name for name in [*form.base_fields, VERSION] if name in form.fields]
    return staff.post(page, {name: form[name].value() or "" for name in names} | changes)


def test_a_statement_waits_on_its_page_until_it_is_taken_over(staff: Client) -> None:
    practice = make_client()
    client = make_buyer(tenant=practice)
    state(practice)

    files = staff.get(address("clients:files")).text
    waiting = staff.get(address("clients:statements")).text
    shown = staff.get(address("clients:statement", practice.ref)).text
    page = f"{address('clients:identity', client.ref)}?demande={version_of(practice)}"
    answer = save_shown(staff, page)

    client.refresh_from_db()
    assert address("clients:statement", practice.ref) in waiting
    assert "À confirmer (1)" in " ".join(files.split())
    assert "9 rue Neuve" in shown
    assert f'href="{page}"' in shown
    assert answer.status_code == 302
    assert (client.legal_name, client.is_sole_trader) == ("Anaïs Dupont", True)
    assert client.addresses.get().street == "9 rue Neuve"
    assert IdentityStatement.objects.get().is_accepted is True
    assert "Rien à confirmer." in staff.get(address("clients:statements")).text
    assert AuditEvent.objects.filter(verb="client.statement_accepted", ref=practice.ref).exists()


def test_a_statement_that_is_refused_changes_no_file(staff: Client) -> None:
    practice = make_client()
    client = make_buyer(tenant=practice)
    state(practice)

    page, version = address("clients:statement", practice.ref), version_of(practice)
    answers = [staff.post(page, {"version": version}) for _time in range(2)]

    client.refresh_from_db()
    assert [answer["Location"] for answer in answers] == [address("clients:statements"), page]
    assert client.legal_name == "Anaïs Dupont-Lœuvre"
    assert IdentityStatement.objects.get().is_accepted is False
    assert AuditEvent.objects.filter(verb="client.statement_refused").count() == 1


def test_a_correction_that_ignores_the_statement_leaves_it_open(staff: Client) -> None:
    practice = make_client()
    client = make_buyer(tenant=practice)
    state(practice)

    save_shown(staff, address("clients:identity", client.ref))

    client.refresh_from_db()
    assert client.legal_name == "Anaïs Dupont-Lœuvre"
    assert open_statement(practice)


def test_the_first_file_of_a_practice_begins_with_its_statement(staff: Client) -> None:
    practice = make_client()
    state(practice, vat_number="FR96552100554")

    page = f"{address('clients:practice_file', practice.ref)}?demande={version_of(practice)}"
    sheet = staff.get(address("clients:sheet", practice.ref)).text
    answer = save_shown(staff, page)

    assert f'href="{page}"' in sheet
    client = ClientRow.objects.get(tenant=practice)
    assert answer["Location"] == address("clients:file", client.ref)
    assert (client.legal_name, client.vat_number) == ("Anaïs Dupont", "FR96552100554")
    assert open_statement(practice) is None


def test_a_later_statement_is_open_again(staff: Client) -> None:
    practice = make_client()
    state(practice)
    state(practice)
    first = open_statement(practice)
    assert first
    decide_statement(statement=first, is_accepted=False, actor="user:1", now=NOW)
    decided = open_statement(practice)

    state(practice, town="Colmar")

    found = open_statement(practice)
    assert decided is None
    assert found
    assert found.town == "Colmar"
    assert IdentityStatement.objects.count() == 1


def test_a_statement_that_staff_did_not_see_is_not_closed(staff: Client) -> None:
    practice = make_client()
    client = make_buyer(tenant=practice)
    state(practice)
    page = f"{address('clients:identity', client.ref)}?demande={version_of(practice)}"
    form = staff.get(page).context["form"]
    shown = {name: form[name].value() or "" for name in [*form.base_fields, VERSION]}
    stated = StatedIdentity("Autre nom", "", "", "", "1 quai", "67000", "Strasbourg")
    record_statement(tenant=practice, stated=stated, now=NOW.replace(hour=10))

    accepted = staff.post(page, shown)
    refused = staff.post(address("clients:statement", practice.ref), {"version": "1"})

    found = open_statement(practice)
    assert (accepted.status_code, refused.status_code) == (302, 302)
    assert found
    assert found.legal_name == "Autre nom"


def test_the_pages_of_an_unknown_statement_say_so(staff: Client) -> None:
    assert "Rien à confirmer pour ce cabinet" in (
        staff.get(address("clients:statement", make_client().ref)).text
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Entreprise  individuelle", "EI"),
        ("Entrepreneur individuel (EI)", "EI"),
        ("selarl", "SELARL"),
        ("Association", "association"),
        ("SARL unipersonnelle", None),
        ("", None),
    ],
)
def test_a_legal_form_is_proposed_when_it_is_sure(text: str, code: str | None) -> None:
    statement = IdentityStatement(legal_name="X EI", legal_form=text)

    found = proposed_values(statement)

    assert found.get("legal_form") == code
    assert found["legal_name"] == ("X" if code == "EI" else "X EI")
