"""The kinds of outbox entries of the accounts: one e-mail each."""

from dataclasses import dataclass

from tenants.outbox.kinds import BY_ACCOUNT_PAGES, BY_THE_OWNER, OutboxKind
from tenants.outbox.payloads import NoPayload


@dataclass(frozen=True)
class InvitationLink:
    """Which of the links of an invitation is sent: each new one replaces the one before."""

    generation: int


USER = "user"
CHANGE = "email_change"

INVITATION = OutboxKind("account.invitation", "invitation", InvitationLink, BY_ACCOUNT_PAGES)

PASSWORD_RESET = OutboxKind("account.password_reset", USER, NoPayload, BY_ACCOUNT_PAGES)
"""Repeated once a minute at most: asking ten times writes once."""

EMAIL_CONFIRM = OutboxKind("account.email_confirm", CHANGE, NoPayload, BY_ACCOUNT_PAGES)
"""Goes to the new address."""

EMAIL_CHANGED = OutboxKind("account.email_changed", CHANGE, NoPayload, BY_THE_OWNER)
"""Goes to the old address, with the link that undoes the change."""

PASSWORD_CHANGED = OutboxKind("account.password_changed", USER, NoPayload, BY_THE_OWNER)
MFA_ADDED = OutboxKind("account.mfa_added", USER, NoPayload, BY_THE_OWNER)
MFA_REMOVED = OutboxKind("account.mfa_removed", USER, NoPayload, BY_THE_OWNER)
CODES_RENEWED = OutboxKind("account.codes_renewed", USER, NoPayload, BY_THE_OWNER)

SECURITY_EMAILS = {
    "account/email/password_changed": PASSWORD_CHANGED,
    "account/email/password_set": PASSWORD_CHANGED,
    "account/email/password_reset": PASSWORD_CHANGED,
    "mfa/email/totp_activated": MFA_ADDED,
    "mfa/email/totp_deactivated": MFA_REMOVED,
    "mfa/email/webauthn_added": MFA_ADDED,
    "mfa/email/webauthn_removed": MFA_REMOVED,
    "mfa/email/recovery_codes_generated": CODES_RENEWED,
}
"""What allauth would send, and the kind that replaces it."""
