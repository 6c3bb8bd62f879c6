"""The seed of a tenant: the first rows, once, and a link that opens the owner's account."""

from datetime import UTC, datetime

from billing.clients.tenant_seed import TenantSeed, seed_tenant
from booking.models import Location, Practice, Practitioner
from tenants.accounts.kinds import INVITATION
from tenants.accounts.models import Invitation, Role, User
from tenants.accounts.services.invitations import token_of
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.accounts import PASSWORD, browser

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
SEED = TenantSeed(
    practice_name="Théo Croquis",
    profession="Sophrologue",
    time_zone="Indian/Reunion",
    territory="RE",
    owner_name="Théo Croquis",
    owner_email="theo@example.org",
)


def test_seeding_invites_the_owner_and_happens_once(tenant: Unit) -> None:
    seed_tenant(SEED, now=NOW)
    seed_tenant(SEED, now=NOW)

    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role) == ("theo@example.org", Role.OWNER)
    assert invitation.practitioner_ref == Practitioner.objects.get().ref
    assert Practice.objects.get().profession == "Sophrologue"
    assert Location.objects.get().time_zone == "Indian/Reunion"
    assert OutboxEntry.objects.filter(kind=INVITATION).count() == 1


def test_the_owners_link_leads_to_an_open_account(tenant: Unit, host: str) -> None:
    seed_tenant(SEED, now=datetime.now(UTC))
    link = f"/invitation/{token_of(Invitation.objects.get())}/"

    answer = browser(host).post(link, {"name": "Théo Croquis", "password": PASSWORD})

    owner = User.objects.get(email="theo@example.org")
    assert answer["Location"] == "/espace/"
    assert Practitioner.objects.get().user == owner
    assert owner.memberships.get().role == Role.OWNER
