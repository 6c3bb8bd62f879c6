"""The first rows of a new tenant: its key, its practice, one place, one agenda, the invitation of its owner."""

from dataclasses import dataclass
from datetime import datetime

from booking.models import Location, Practice, Practitioner
from tenants.accounts.models import Invitation, Role
from tenants.accounts.services.invitations import Invited, invite
from tenants.audit.services import SYSTEM
from tenants.keyring.services import ensure_tenant_key
from tenants.models import Tenant


@dataclass(frozen=True)
class TenantSeed:
    """What the order says about the practice and its owner; ``time_zone`` is an IANA name."""

    practice_name: str
    profession: str
    time_zone: str
    territory: str
    owner_name: str
    owner_email: str

    @classmethod
    def of(cls, tenant: Tenant) -> "TenantSeed":
        """Return the seed of a client, from its row in ``public``."""
        return cls(
            practice_name=tenant.name,
            profession=tenant.profession,
            time_zone=tenant.time_zone,
            territory=tenant.territory,
            owner_name=tenant.owner_name,
            owner_email=tenant.owner_email,
        )


def seed_tenant(seed: TenantSeed, *, now: datetime) -> None:
    """Create the missing rows inside the tenant's unit; a practice that exists is left as it is.

    Texts are cut to the length of their columns: the row in ``public`` may hold a longer name.
    """
    ensure_tenant_key(now=now)
    practice, is_new = Practice.objects.get_or_create(
        id=1,
        defaults={
            "name": seed.practice_name[:80],
            "profession": seed.profession[:60],
            "email": seed.owner_email,
            "publication_director": seed.owner_name,
        },
    )
    if not is_new:
        return
    Location.objects.create(name="Cabinet", time_zone=seed.time_zone, territory=seed.territory)
    practitioner = Practitioner.objects.create(name=seed.owner_name[:80], title=practice.profession)
    if not Invitation.objects.exists():
        invited = Invited(
            email=seed.owner_email,
            role=Role.OWNER,
            name=seed.owner_name,
            practitioner_ref=practitioner.ref,
        )
        invite(invited=invited, invited_by=None, actor=SYSTEM, now=now)
