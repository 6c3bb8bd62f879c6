"""The invitation of a client's owner, sent again or withdrawn inside the tenant's unit by a worker."""

from datetime import datetime

from billing.clients.health import owner_invitation
from billing.clients.tenant_seed import TenantSeed
from booking.models import Practitioner
from tenants.accounts.models import Membership, Role
from tenants.accounts.services import invitations
from tenants.accounts.services.invitations import Invited
from tenants.audit.services import SYSTEM


def resend_invitation(seed: TenantSeed, *, now: datetime) -> None:
    """Send a new link to the address of the order and close the old link; nothing once an owner has signed up."""
    # A role of owner, even a revoked one, shows that a link was used; its invitation is deleted after a while.
    if Membership.objects.filter(role=Role.OWNER).exists():
        return
    invitation = owner_invitation()
    if (
        invitation is not None
        and invitation.revoked_at is None
        and invitation.email == seed.owner_email
    ):
        invitations.renew(invitation=invitation, actor=SYSTEM, now=now)
        return
    if invitation is not None:
        invitations.revoke_invitation(invitation=invitation, actor=SYSTEM, now=now)
    practitioner = Practitioner.objects.filter(user__isnull=True).first()
    invited = Invited(
        email=seed.owner_email,
        role=Role.OWNER,
        name=seed.owner_name,
        practitioner_ref=practitioner.ref if practitioner else None,
    )
    invitations.invite(invited=invited, invited_by=None, actor=SYSTEM, now=now)


def withdraw_invitation(*, now: datetime) -> None:
    """Close the link that was sent, if there is one."""
    invitation = owner_invitation()
    if invitation is not None:
        invitations.revoke_invitation(invitation=invitation, actor=SYSTEM, now=now)
