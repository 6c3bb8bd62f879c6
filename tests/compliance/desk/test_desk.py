"""The desk: creating a practice, opening it when its checks hold, suspending and resuming it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from booking.models import Location, Practice, Practitioner
from compliance.desk.delivery import CheckReadiness, Settle, StateLetter
from compliance.desk.furnishing import Furniture, furnish
from compliance.desk.kinds import CHECK, SETTLE, SUSPENDED
from compliance.desk.readiness import results
from compliance.desk.services import note_results
from compliance.desk.urls import urlpatterns
from tenants.accounts.models import Invitation, Role, User
from tenants.accounts.services.invitations import token_of
from tenants.models import Domain, Tenant
from tenants.outbox.delivery import TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit
from tenants.subdomains import UnusableNameError, check_name
from tests.accounts import add_totp, browser, make_member, make_user
from tests.factories import Cabinet

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
ORDER = {
    "practice_name": "Théo Croquis",
    "subdomain": "theo-croquis",
    "is_name_checked": "on",
    "profession": "Sophrologue",
    "time_zone": "Europe/Paris",
    "territory": "",
    "owner_name": "Théo Croquis",
    "owner_email": "Theo@Example.org",
    "is_professional": "on",
    "is_adult": "on",
}
URLCONF = "config.urls_public"


@pytest.fixture
def staff(public: Unit, public_host: str) -> Client:
    """Return the browser of a member of staff with a second factor."""
    user = make_user("iban@example.org", is_staff=True)
    add_totp(user)
    return browser(public_host, user)


def make_client(state: Tenant.State = Tenant.State.LIVE, name: str = "Anne Calque") -> Tenant:
    """Return a client's row; no schema stands behind it."""
    tenant = Tenant(name=name, state=state, created_at=NOW)
    Tenant.objects.bulk_create([tenant])
    Domain.objects.create(tenant=tenant, domain=f"{uuid.uuid4().hex}.lib-rdv.localhost")
    return tenant


def address(name: str, tenant: Tenant | None = None) -> str:
    """Return the address of a desk page."""
    more = ["reprendre"] if name == "ask" else []
    return reverse(f"desk:{name}", args=[tenant.ref, *more] if tenant else [], urlconf=URLCONF)


ALONE = {"clients", "order", "cockpit"}
NAMES = ["clients", "cockpit", "order", "client", "act", "ask", "suspend"]


def test_every_desk_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_desk_page_refuses_a_stranger(public: Unit, public_host: str, name: str) -> None:
    tenant = None if name in ALONE else make_client()

    answer = browser(public_host).post(address(name, tenant))

    assert answer["Location"].startswith("/connexion/?next=")


@pytest.mark.parametrize("name", NAMES)
def test_every_desk_page_refuses_an_account_that_is_not_staff(
    public: Unit, public_host: str, name: str
) -> None:
    tenant = None if name in ALONE else make_client()

    answer = browser(public_host, make_user()).get(address(name, tenant))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("name", "method", "status"),
    [
        ("clients", "post", 405),
        ("client", "post", 405),
        ("cockpit", "post", 405),
        ("ask", "post", 405),
        ("act", "get", 405),
        ("order", "get", 200),
        ("cockpit", "get", 200),
        ("ask", "get", 200),
    ],
)
def test_desk_pages_take_their_own_methods(
    staff: Client, name: str, method: str, status: int
) -> None:
    tenant = None if name in ALONE else make_client()

    answer = getattr(staff, method)(address(name, tenant))

    assert answer.status_code == status


def test_the_desk_is_unknown_on_a_practices_host(tenant: Unit, host: str) -> None:
    assert browser(host, make_member()).get("/bureau/").status_code == 404


def test_ordering_a_practice_asks_for_its_space(staff: Client) -> None:
    answer = staff.post(address("order"), ORDER)

    ordered = Tenant.objects.get(name="Théo Croquis")
    assert answer.status_code == 302
    assert ordered.state == Tenant.State.ORDERED
    assert ordered.owner_email == "theo@example.org"
    assert ordered.professional_attested_at
    assert ordered.adult_attested_at
    assert ordered.attestation_text_version == "T-4/1"
    assert ordered.domains.get().domain == "theo-croquis.lib-rdv.localhost"
    assert OutboxEntry.objects.filter(kind=SETTLE, object_id=ordered.pk).count() == 1


@pytest.mark.parametrize("box", ["is_professional", "is_adult", "is_name_checked"])
def test_no_space_without_each_attestation(staff: Client, box: str) -> None:
    answer = staff.post(address("order"), {k: v for k, v in ORDER.items() if k != box})

    assert answer.status_code == 422
    assert not Tenant.objects.filter(name="Théo Croquis").exists()


def test_what_was_typed_stays_when_an_order_is_refused(staff: Client) -> None:
    answer = staff.post(address("order"), {**ORDER, "subdomain": "www"})

    assert "Ce nom est réservé" in answer.text
    assert 'value="Théo Croquis"' in answer.text


def test_a_name_that_is_taken_is_refused(staff: Client) -> None:
    staff.post(address("order"), ORDER)

    answer = staff.post(address("order"), ORDER)

    assert answer.status_code == 422
    assert Tenant.objects.filter(name="Théo Croquis").count() == 1


@pytest.mark.parametrize(
    "name",
    [
        "www", "api", "admin", "mail", "ordre", "cpam-64", "ameli", "mon-ameli", "sante-gouv",
        "ordre-des-medecins", "lib-rdv-support", "doctolib-bidart", "a", "-abc", "abc-", "a--b",
        "été", "12345", "a.b", "", "x" * 41,
    ],
)  # fmt: skip
def test_reserved_misleading_and_malformed_names_are_refused(name: str) -> None:
    with pytest.raises(UnusableNameError):
        check_name(name)


@pytest.mark.parametrize("name", ["maite-exemple", "cabinet64", "Trois-Ponts", "dr-brouillon"])
def test_an_honest_name_passes(name: str) -> None:
    assert check_name(name) == name.lower()


def test_a_space_that_is_not_built_yet_is_furnished_later(public: Unit) -> None:
    tenant = make_client(Tenant.State.ORDERED)
    entry = OutboxEntry(kind=SETTLE, object_id=tenant.pk, due_at=NOW, created_at=NOW)
    act = Settle().prepare(entry, unit=PUBLIC, now=NOW)
    assert callable(act)

    with pytest.raises(TryAgain):
        act()


def test_furnishing_invites_the_owner_and_happens_once(tenant: Unit) -> None:
    furniture = Furniture(
        practice_name="Théo Croquis",
        profession="Sophrologue",
        time_zone="Indian/Reunion",
        territory="RE",
        owner_name="Théo Croquis",
        owner_email="theo@example.org",
    )

    furnish(furniture, now=NOW)
    furnish(furniture, now=NOW)

    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role) == ("theo@example.org", Role.OWNER)
    assert invitation.practitioner_ref == Practitioner.objects.get().ref
    assert Practice.objects.get().profession == "Sophrologue"
    assert Location.objects.get().time_zone == "Indian/Reunion"
    assert OutboxEntry.objects.filter(kind="account.invitation").count() == 1


def test_an_empty_space_meets_no_check(tenant: Unit) -> None:
    assert results(now=NOW) == {
        "owner_signed_in": False,
        "legal_identity": False,
        "bookable_slot": False,
    }


def test_a_complete_space_meets_every_check(tenant: Unit) -> None:
    Cabinet()
    owner = make_member(Role.OWNER)
    User.objects.filter(pk=owner.pk).update(last_login=NOW)

    assert all(results(now=NOW).values())


@pytest.mark.parametrize("missing", ["owner_signed_in", "legal_identity", "bookable_slot"])
def test_one_missing_check_keeps_the_space_closed(public: Unit, missing: str) -> None:
    tenant = make_client(Tenant.State.READY)
    found = {"owner_signed_in": True, "legal_identity": True, "bookable_slot": True}

    opened = note_results(tenant_id=tenant.pk, found=found | {missing: False}, opens=True, now=NOW)

    tenant.refresh_from_db()
    assert not opened
    assert tenant.state == Tenant.State.READY


def test_a_space_opens_when_all_checks_hold_and_that_was_asked(public: Unit) -> None:
    tenant = make_client(Tenant.State.READY)
    found = {"owner_signed_in": True, "legal_identity": True, "bookable_slot": True}

    looked = note_results(tenant_id=tenant.pk, found=found, opens=False, now=NOW)
    opened = note_results(tenant_id=tenant.pk, found=found, opens=True, now=NOW)

    tenant.refresh_from_db()
    assert (looked, opened) == (False, True)
    assert (tenant.state, tenant.live_at) == (Tenant.State.LIVE, NOW)


def test_the_page_shows_a_check_never_asked_as_a_question(staff: Client) -> None:
    tenant = make_client(Tenant.State.READY)

    answer = staff.get(address("client", tenant))

    assert answer.text.count('<span class="badge">?</span>') == 3


@pytest.mark.parametrize("act", ["verifier", "ouvrir"])
def test_looking_and_opening_are_done_by_a_worker(staff: Client, act: str) -> None:
    tenant = make_client(Tenant.State.READY)

    answer = staff.post(address("act", tenant), {"acte": act})

    assert answer.status_code == 302
    assert OutboxEntry.objects.filter(kind=CHECK, object_id=tenant.pk).count() == 1


def test_the_worker_notes_nothing_of_a_tenant_that_is_gone(public: Unit) -> None:
    entry = OutboxEntry(kind=CHECK, object_id=987_654, due_at=NOW, created_at=NOW)

    outcome = CheckReadiness().prepare(entry, unit=PUBLIC, now=NOW)

    assert getattr(outcome, "reason", "") == "gone"


def test_suspending_needs_a_reason(staff: Client) -> None:
    tenant = make_client()

    answer = staff.post(address("suspend", tenant), {"reason": ""})

    tenant.refresh_from_db()
    assert answer.status_code == 422
    assert tenant.state == Tenant.State.LIVE


def test_suspending_and_resuming(staff: Client) -> None:
    tenant = make_client()

    staff.post(address("suspend", tenant), {"reason": "Deux factures impayées"})
    suspended = Tenant.objects.get(pk=tenant.pk)
    staff.post(address("act", tenant), {"acte": "reprendre"})
    resumed = Tenant.objects.get(pk=tenant.pk)

    assert (suspended.state, suspended.suspended_reason) == (
        Tenant.State.SUSPENDED,
        "Deux factures impayées",
    )
    assert (resumed.state, resumed.suspended_reason) == (Tenant.State.LIVE, "")


def test_a_space_that_is_not_live_cannot_be_suspended(staff: Client) -> None:
    tenant = make_client(Tenant.State.READY)

    staff.post(address("suspend", tenant), {"reason": "Essai"})

    tenant.refresh_from_db()
    assert tenant.state == Tenant.State.READY


@pytest.mark.parametrize("count", [0, 1, 120])
def test_the_list_costs_the_same_whatever_its_length(
    staff: Client, count: int, count_queries: Callable[[], Any]
) -> None:
    for number in range(count):
        make_client(name=f"Client {number:03}")

    with count_queries() as queries:
        answer = staff.get(address("clients"))

    assert answer.status_code == 200
    assert len(queries) <= 11  # savepoint and SETs of the nested request included


def test_the_list_searches_names_addresses_and_states(staff: Client) -> None:
    make_client(name="Anne Calque")
    make_client(Tenant.State.SUSPENDED, name="Bruno Tracé")

    by_name = staff.get(address("clients"), {"q": "calque"}).text
    by_state = staff.get(address("clients"), {"etat": "suspended"}).text

    assert ("Anne Calque" in by_name, "Bruno Tracé" in by_name) == (True, False)
    assert ("Anne Calque" in by_state, "Bruno Tracé" in by_state) == (False, True)


def test_the_owners_link_leads_to_an_open_account(tenant: Unit, host: str) -> None:
    furniture = Furniture(
        "Théo", "Sophrologue", "Europe/Paris", "", "Théo Croquis", "t@example.org"
    )
    furnish(furniture, now=datetime.now(UTC))
    link = f"/invitation/{token_of(Invitation.objects.get())}/"

    answer = browser(host).post(link, {"name": "Théo Croquis", "password": "Galet-dune-marée-47"})

    owner = User.objects.get(email="t@example.org")
    assert answer["Location"] == "/espace/"
    assert Practitioner.objects.get().user == owner
    assert owner.memberships.get().role == Role.OWNER


def test_the_owner_is_told_why_the_site_is_suspended(staff: Client) -> None:
    tenant = make_client()
    Tenant.objects.filter(pk=tenant.pk).update(owner_email="anne@example.org")

    staff.post(address("suspend", tenant), {"reason": "Deux factures impayées"})

    entry = OutboxEntry.objects.get(kind=SUSPENDED, object_id=tenant.pk)
    letter = StateLetter("desk_suspended", "suspended")
    assert callable(letter.prepare(entry, unit=PUBLIC, now=NOW))
    context = {"link": "https://x", "reason": "Deux factures impayées"}
    assert "Motif\u00a0: Deux factures" in render_to_string("emails/desk_suspended.txt", context)


def test_nothing_is_said_of_a_state_that_has_changed_since(public: Unit) -> None:
    tenant = make_client(Tenant.State.LIVE)
    entry = OutboxEntry(kind=SUSPENDED, object_id=tenant.pk, due_at=NOW, created_at=NOW)

    outcome = StateLetter("desk_suspended", "suspended").prepare(entry, unit=PUBLIC, now=NOW)

    assert getattr(outcome, "reason", "") == "gone"


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/"])
def test_no_admin_answers_anywhere(public: Unit, public_host: str, host: str, path: str) -> None:
    assert browser(public_host).get(path).status_code == 404
    assert browser(host).get(path).status_code == 404
