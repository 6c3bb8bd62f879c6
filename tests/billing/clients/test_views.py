"""Each staff page of clients: it works, it refuses a stranger, it takes its own methods."""

import uuid

import pytest
from django.test import Client

from billing.clients.kinds import CHECK, INVITE, CheckRequest, InvitationChange
from billing.clients.urls import urlpatterns
from tenants.audit.models import AuditEvent
from tenants.models import Tenant
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.accounts import browser, make_user
from tests.ledger import make_buyer
from tests.staff import address, make_client

METHODS = {
    "list": ("get",),
    "order": ("get", "post"),
    "sheet": ("get",),
    "action": ("post",),
    "confirm": ("get",),
    "suspend": ("get", "post"),
    "correct": ("get", "post"),
    "files": ("get",),
    "file": ("get",),
    "open_file": ("get", "post"),
    "statements": ("get",),
    "statement": ("get", "post"),
    "practice_file": ("get", "post"),
    "identity": ("get", "post"),
    "territory": ("get", "post"),
}
WITHOUT_CLIENT = {"list", "order", "files", "open_file", "statements"}
OF_FILES = {"file", "identity", "territory"}


def page_of(name: str, client: Tenant | None = None) -> str:
    """Return the address of a page of a client; a client is made when none is given."""
    if name in WITHOUT_CLIENT:
        return address(f"clients:{name}")
    if name in OF_FILES:
        return address(f"clients:{name}", client.ref if client else make_buyer().ref)
    more = ["reprendre"] if name == "confirm" else []
    return address(f"clients:{name}", (client or make_client()).ref, *more)


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_every_page_sends_a_stranger_to_the_sign_in_page(
    public: Unit, public_host: str, name: str
) -> None:
    answer = browser(public_host).post(page_of(name))

    assert answer["Location"].startswith("/connexion/?next=")


@pytest.mark.parametrize("name", METHODS)
def test_every_page_refuses_an_account_that_is_not_staff(
    public: Unit, public_host: str, name: str
) -> None:
    answer = browser(public_host, make_user()).get(page_of(name))

    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("name", METHODS)
def test_every_page_takes_its_own_methods(staff: Client, name: str, method: str) -> None:
    status = getattr(staff, method)(page_of(name)).status_code

    assert (status == 405) == (method not in METHODS[name])


@pytest.mark.parametrize(
    "name",
    [
        "sheet",
        "confirm",
        "suspend",
        "correct",
        "file",
        "practice_file",
        "statement",
        "identity",
        "territory",
    ],
)
def test_a_page_of_a_client_that_does_not_exist_is_not_found(staff: Client, name: str) -> None:
    assert staff.get(page_of(name, Tenant(ref=uuid.uuid4()))).status_code == 404


def test_an_action_on_a_client_that_does_not_exist_is_not_found(staff: Client) -> None:
    page = page_of("action", Tenant(ref=uuid.uuid4()))

    assert staff.post(page, {"action": "verifier"}).status_code == 404


@pytest.mark.parametrize(
    ("action", "goes_live"), [("verifier", False), ("ouvrir", True)], ids=["check", "open"]
)
def test_the_checks_are_run_by_a_worker(staff: Client, action: str, goes_live: bool) -> None:
    tenant = make_client(Tenant.State.READY)

    answer = staff.post(page_of("action", tenant), {"action": action})

    entry = OutboxEntry.objects.get(kind=CHECK, subject_id=tenant.pk)
    assert answer["Location"] == page_of("sheet", tenant)
    assert CHECK.read(entry.payload) == CheckRequest(goes_live=goes_live)


@pytest.mark.parametrize(
    ("action", "is_withdrawal"), [("renvoyer", False), ("retirer", True)], ids=["send", "withdraw"]
)
def test_the_invitation_is_changed_by_a_worker(
    staff: Client, action: str, is_withdrawal: bool
) -> None:
    tenant = make_client()

    staff.post(page_of("action", tenant), {"action": action})

    entry = OutboxEntry.objects.get(kind=INVITE)
    assert entry.subject_id == tenant.pk
    assert INVITE.read(entry.payload) == InvitationChange(is_withdrawal=is_withdrawal)


def test_a_tenant_that_is_not_built_gets_no_invitation(staff: Client) -> None:
    tenant = make_client(Tenant.State.ORDERED)

    answer = staff.post(page_of("action", tenant), {"action": "renvoyer"}, follow=True)

    assert "pas possible dans l’état actuel" in answer.text
    assert not OutboxEntry.objects.filter(kind=INVITE).exists()


def test_an_unknown_action_does_nothing(staff: Client) -> None:
    tenant = make_client()

    answer = staff.post(page_of("action", tenant), {"action": "effacer"}, follow=True)

    assert "Choisissez une action de la page." in answer.text
    assert not AuditEvent.objects.filter(ref=tenant.ref).exists()


@pytest.mark.parametrize("name", ["ouvrir", "reprendre", "preparer", "renvoyer", "retirer"])
def test_the_page_of_an_action_says_what_it_will_do_and_does_nothing(
    staff: Client, name: str
) -> None:
    tenant = make_client()
    before = AuditEvent.objects.count()

    answer = staff.get(address("clients:confirm", tenant.ref, name))

    assert answer.status_code == 200
    assert f'value="{name}"' in answer.text
    assert ("danger" in answer.text) == (name == "retirer")
    assert "Ne rien changer" in answer.text
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("name", ["verifier", "effacer"])
def test_an_action_without_a_question_has_no_page(staff: Client, name: str) -> None:
    assert staff.get(address("clients:confirm", make_client().ref, name)).status_code == 404


def test_a_suspension_needs_a_reason(staff: Client) -> None:
    tenant = make_client()

    answer = staff.post(page_of("suspend", tenant), {"reason": ""})

    tenant.refresh_from_db()
    assert answer.status_code == 422
    assert tenant.state == Tenant.State.LIVE


def test_a_client_is_suspended_and_resumed(staff: Client) -> None:
    tenant = make_client()

    staff.post(page_of("suspend", tenant), {"reason": "Deux factures impayées"})
    suspended = Tenant.objects.get(pk=tenant.pk)
    staff.post(page_of("action", tenant), {"action": "reprendre"})
    resumed = Tenant.objects.get(pk=tenant.pk)

    assert (suspended.state, suspended.suspended_reason) == (
        Tenant.State.SUSPENDED,
        "Deux factures impayées",
    )
    assert suspended.suspended_at is not None
    assert (resumed.state, resumed.suspended_reason) == (Tenant.State.LIVE, "")
    assert resumed.suspended_at is None


def test_a_client_that_is_not_live_cannot_be_suspended(staff: Client) -> None:
    tenant = make_client(Tenant.State.READY)

    answer = staff.post(page_of("suspend", tenant), {"reason": "Essai"}, follow=True)

    tenant.refresh_from_db()
    assert "pas possible dans l’état actuel" in answer.text
    assert tenant.state == Tenant.State.READY
