"""allauth's forms with the application's labels, and the forms of the account pages."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import (
    ChangePasswordForm,
    LoginForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
)
from allauth.account.forms import ReauthenticateForm as ReauthenticateByPasswordForm
from allauth.core import context
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.accounts.models import User
from tenants.busy import mark_busy
from tenants.concurrency_limit import NoPlaceFree
from tenants.edit_form import EditForm
from tenants.form_fields import BoundedFields, MailboxField, NameField, SecretField


class SignInForm(BoundedFields, LoginForm):  # type: ignore[misc]  # allauth is only partly typed
    """Address and password; the template links to the password reset."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail")
        self.fields["password"].help_text = ""

    def clean(self) -> Any:
        """Check the password; without a place for hashing, keep the typed address and answer 503."""
        try:
            return super().clean()
        except NoPlaceFree:
            mark_busy(self.request)
            raise ValidationError(
                _("Trop de connexions arrivent en même temps. Recommencez dans quelques secondes.")
            ) from None


class _OneTimeCode:
    """Judges the code by our own rules: once within its validity, limited in the database."""

    def clean_code(self) -> str:
        """Use the code up, or refuse it."""
        code = str(self.cleaned_data["code"])  # type: ignore[attr-defined]
        self.authenticator = get_mfa_adapter().use_code(context.request, self.user, code)  # type: ignore[attr-defined]
        return code


class CodeForm(BoundedFields, _OneTimeCode, AuthenticateForm):  # type: ignore[misc]
    """The code of the second step of a sign-in."""


class CodeAgainForm(BoundedFields, _OneTimeCode, ReauthenticateForm):  # type: ignore[misc]
    """The code by which a signed-in user confirms to be themselves."""


class PasswordChangeForm(BoundedFields, ChangePasswordForm):  # type: ignore[misc]
    """The current password and the new one."""

    def clean_oldpassword(self) -> str:
        """Check the current password as for a sign-in: failures are counted and limited (S-04)."""
        password = str(self.cleaned_data["oldpassword"])
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


class PasswordResetRequestForm(BoundedFields, ResetPasswordForm):  # type: ignore[misc]
    """The address to which a reset link is sent, if an account has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail")

    def clean_email(self) -> str:
        """Return the address in lower case, without looking its account up."""
        return str(self.cleaned_data["email"]).strip().lower()

    def save(self, request: Any, **kwargs: Any) -> str:
        """Request the link and return the address."""
        email = str(self.cleaned_data["email"])
        get_adapter().request_password_link(request, email)
        return email


class FirstPasswordForm(BoundedFields, SetPasswordForm):  # type: ignore[misc]
    """The first password of an account."""


class ChosenPasswordForm(BoundedFields, ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password, chosen by the link of a mail."""


class PasswordAgainForm(BoundedFields, ReauthenticateByPasswordForm):  # type: ignore[misc]
    """The password by which a signed-in user confirms to be themselves."""


class AuthenticatorForm(BoundedFields, ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an authenticator application."""


class AddedKeyForm(BoundedFields, AddWebAuthnForm):  # type: ignore[misc]
    """A security key and its name."""


class RenamedKeyForm(BoundedFields, EditWebAuthnForm):  # type: ignore[misc]
    """The other name of a security key."""


class KeySignInForm(BoundedFields, LoginWebAuthnForm):  # type: ignore[misc]
    """The answer of a security key at sign-in."""


class KeyAgainForm(BoundedFields, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """The answer of a security key by which a signed-in user confirms to be themselves."""


class _Plain(forms.Form):
    """A form validated by the server only, so that rejected input stays in the fields."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class NameForm(EditForm):
    """The name of the user's account."""

    name = NameField(
        label=gettext_lazy("Prénom et nom"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=gettext_lazy(
            "Pour vos collègues. Le nom que voient les patients est celui de l’agenda."
        ),
    )


class AddressForm(_Plain):
    """The new sign-in address and the account's password."""

    email = MailboxField(
        label=gettext_lazy("Nouvelle adresse"),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )
    password = SecretField(
        label=gettext_lazy("Votre mot de passe"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("Celui d’aujourd’hui, pour être sûr que c’est vous."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        """Return the address in lower case; refuse the account's current one."""
        typed = str(self.cleaned_data["email"]).strip().lower()
        if typed == self.user.email:
            raise ValidationError(_("C’est déjà votre adresse."))
        return typed

    def clean_password(self) -> str:
        """Check the password as for a sign-in: failures are counted and limited (S-04)."""
        password = str(self.cleaned_data["password"])
        if not get_adapter().reauthenticate(self.user, password):
            raise ValidationError(_("Ce mot de passe n’est pas le bon."))
        return password
