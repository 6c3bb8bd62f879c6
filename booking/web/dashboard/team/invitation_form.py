"""Choosing a name and a password when an invitation is accepted."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy

from tenants.accounts.models import User
from tenants.form_fields import NameField, SecretField
from tenants.work_form import WorkForm


def _rules() -> str:
    return " ".join(password_validators_help_texts()[:2])


class InvitationForm(WorkForm):
    """Name and password of the invited person."""

    name = NameField(
        label=gettext_lazy("Prénom et nom"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = SecretField(
        label=gettext_lazy("Mot de passe"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.fields["password"].help_text = lazystr(_rules())

    def clean_password(self) -> str:
        """Check the rules of S-02 against the invited address."""
        password = str(self.cleaned_data["password"])
        try:
            validate_password(password, User(email=self.email))
        except ValidationError as error:
            raise ValidationError(error.messages) from None
        return password


class JoinWithAccountForm(WorkForm):
    """The consent of a person with an account to the new role."""

    agreed = forms.BooleanField(
        label=gettext_lazy("J’accepte ce rôle avec mon compte actuel"),
        error_messages={"required": gettext_lazy("Cochez la case pour accepter.")},
    )
