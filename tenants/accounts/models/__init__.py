"""Who signs in: users, their roles in the practice, the invitations that made them."""

from tenants.accounts.models.email_change import EmailChange
from tenants.accounts.models.invitation import Invitation
from tenants.accounts.models.membership import Membership, MembershipScope, Role
from tenants.accounts.models.user import User

__all__ = ["EmailChange", "Invitation", "Membership", "MembershipScope", "Role", "User"]
