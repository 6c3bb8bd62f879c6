"""allauth's forms in the words of the house, and those of the account's own pages."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm, ResetPasswordForm
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.accounts.models import User


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth is only partly typed
    """Address and password; the forgotten password has its own link beside the button."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail")
        self.fields["password"].help_text = ""


class AskResetForm(ResetPasswordForm):  # type: ignore[misc]
    """The address to which a link goes, if an account answers to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail")


class _Plain(forms.Form):
    """The server checks, not the browser, and what was typed stays."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class NameForm(_Plain):
    """The person's own name."""

    name = forms.CharField(
        label=gettext_lazy("Prénom et nom"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=gettext_lazy(
            "Pour vos collègues. Le nom que voient les patients est celui de l’agenda."
        ),
    )


class AddressForm(_Plain):
    """Another address to sign in with, and the password of the account."""

    email = forms.EmailField(
        label=gettext_lazy("Nouvelle adresse"),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Votre mot de passe"),
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("Celui d’aujourd’hui, pour être sûr que c’est vous."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        """Refuse the address that is already theirs."""
        typed = str(self.cleaned_data["email"]).strip().lower()
        if typed == self.user.email:
            raise ValidationError(_("C’est déjà votre adresse."))
        return typed

    def clean_password(self) -> str:
        """Check it as a sign-in does: wrong ones are counted, and too many are refused (S-04)."""
        password = str(self.cleaned_data["password"])
        if not get_adapter().reauthenticate(self.user, password):
            raise ValidationError(_("Ce mot de passe n’est pas le bon."))
        return password
