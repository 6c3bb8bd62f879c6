"""The kinds of outbox entries of this app; ``object_id`` is the key of what each one bears on."""

INVITATION = "account.invitation"
"""object_id: Invitation. version: its generation."""

PASSWORD_RESET = "account.password_reset"  # noqa: S105  # a kind of message, not a secret
"""object_id: User. version: the minute of the request, so that asking ten times writes once."""

EMAIL_CONFIRM = "account.email_confirm"
"""object_id: EmailChange. Goes to the new address."""

EMAIL_CHANGED = "account.email_changed"
"""object_id: EmailChange. Goes to the old address, with the link that undoes it."""

NOTICES = {
    "account/email/password_changed": "account.notice.password_changed",
    "account/email/password_set": "account.notice.password_changed",
    "account/email/password_reset": "account.notice.password_changed",
    "mfa/email/totp_activated": "account.notice.mfa_added",
    "mfa/email/totp_deactivated": "account.notice.mfa_removed",
    "mfa/email/webauthn_added": "account.notice.mfa_added",
    "mfa/email/webauthn_removed": "account.notice.mfa_removed",
    "mfa/email/recovery_codes_generated": "account.notice.codes_renewed",
}
"""What allauth would send, and the kind that stands for it. object_id: User."""
