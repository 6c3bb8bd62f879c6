"""The text and date fields of every form: bounded, a text before anything reads it, without unseen characters.

A form takes its text fields from here and nowhere else; tests/test_form_fields.py refuses another one.
"""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import typed_text

LONGEST_PASSWORD = 128
"""S-02: long enough for a sentence; a longer text would only make the server compute."""
LONGEST_EMAIL = 254
"""RFC 5321: the longest path, without its brackets."""


class TypedTextField(forms.CharField):
    """A text of at most ``max_length`` characters. A much longer one is refused unread, in constant time."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        self.longest = max_length
        super().__init__(max_length=max_length, **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the text as ``clean_text`` leaves it. Raises ValidationError before reading a text too long."""
        typed = "" if value in self.empty_values else str(value)
        # A line break counts twice on the way, and a letter may be sent as a letter and its accents.
        if len(typed) > 4 * self.longest + 64:
            raise self._too_long(typed)
        return super().to_python(self.clean_text(typed))

    def clean_text(self, typed: str) -> str:
        """Return a text of one line."""
        return typed_text.line(typed)

    def _too_long(self, typed: str) -> ValidationError:
        try:
            MaxLengthValidator(self.longest)(typed)
        except ValidationError as error:
            error.message = self.error_messages.get("max_length", error.message)
            return error
        raise AssertionError(self.longest)


class LineField(TypedTextField):
    """A text of one line: a label, a street, an address of this site."""


class ParagraphField(TypedTextField):
    """A text of several lines; its line breaks stay."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea)
        super().__init__(**kwargs)

    def clean_text(self, typed: str) -> str:
        """Return the text with its line breaks, those of Word too."""
        return typed_text.paragraphs(typed)


class SecretField(TypedTextField):
    """A password, as typed: a manager may have put any character into it."""

    def __init__(self, *, max_length: int = LONGEST_PASSWORD, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.PasswordInput)
        super().__init__(max_length=max_length, strip=False, **kwargs)

    def clean_text(self, typed: str) -> str:
        """Return the password unchanged."""
        return typed

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """No ``maxlength``: a browser would cut a password without a word."""
        attrs: dict[str, Any] = super().widget_attrs(widget)
        attrs.pop("maxlength", None)
        return attrs


class MailboxField(LineField, forms.EmailField):
    """An e-mail address, without the blanks and the unseen characters that a copy brings along."""

    def __init__(self, *, max_length: int = LONGEST_EMAIL, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)


class NameField(LineField):
    """The name of a person: any script, apostrophes, hyphens, one letter; the case is the person's own (B-08).

    Names stand in our messages: an address of the web or a sentence is refused.
    """

    default_error_messages = {
        "address": gettext_lazy(
            "Écrivez seulement un nom, sans adresse de site ni adresse e-mail."
        ),
        "form": gettext_lazy("Écrivez ce nom en lettres."),
    }

    def clean(self, value: Any) -> str:
        """Return the name; raise ValidationError for what cannot be one."""
        name = str(super().clean(value) or "")
        if name and typed_text.has_web_address(name):
            raise ValidationError(self.error_messages["address"], code="address")
        if name and not typed_text.is_name(name):
            raise ValidationError(self.error_messages["form"], code="form")
        return name


class AnswerField(LineField):
    """A free answer of a visitor: it may stand in a message, so that an address of the web is refused."""

    def clean(self, value: Any) -> str:
        """Return the answer; raise ValidationError when it holds an address of the web or of a mailbox."""
        answer = str(super().clean(value) or "")
        if typed_text.has_web_address(answer):
            raise ValidationError(
                _(
                    "Répondez sans adresse de site ni adresse e-mail, et avec une espace après un point."
                ),
                code="address",
            )
        return answer


EARLIEST_YEAR, LATEST_YEAR = 2000, 2200


def read_day(text: str) -> date | None:
    """Return the date of 2026-11-24; None for another text and for the ends of the calendar."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None


class DayField(forms.DateField):
    """A date; the browser's own picker, which sends 2026-11-24, or 24/11/2026 typed."""

    default_error_messages = {
        "invalid": gettext_lazy("Cette date ne semble pas valide. Exemple\u00a0: 24/11/2026.")
    }

    def __init__(self, *, is_bounded: bool = True, **kwargs: Any) -> None:
        self.is_bounded = is_bounded
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        kwargs.setdefault("input_formats", ["%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y"])
        super().__init__(**kwargs)

    def clean(self, value: Any) -> date | None:
        """Refuse the ends of the calendar: nobody means them, and a day after them does not exist."""
        day: date | None = super().clean(value)
        if not self.is_bounded:
            return day
        if day is not None and not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return day


LONGEST_CREDENTIAL = 20_000
"""Characters of the JSON of a security key: an attestation with its certificates."""


class BoundedFields:
    """For the forms of a library: a value longer than its field can need is refused before the field reads it."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            longest = LONGEST_CREDENTIAL if name == "credential" else LONGEST_EMAIL
            if isinstance(field.widget, forms.PasswordInput):
                longest = LONGEST_PASSWORD
            _bound(field, longest)


def _bound(field: forms.Field, longest: int) -> None:
    """Check the length of the sent text before the field's own cleaning."""
    unbounded, check = field.clean, MaxLengthValidator(longest)

    def bounded(value: Any, *args: Any) -> Any:
        check(str(value or ""))
        return unbounded(value, *args)

    vars(field)["clean"] = bounded  # the field is this form's own copy
