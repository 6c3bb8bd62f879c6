"""The base of forms that change what is stored: none of them undoes a concurrent change silently."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from tenants.form_fields import LineField
from tenants.work_form import WorkForm

VERSION = "version"
"""The hidden field with the fingerprint of the stored values that the page showed."""
LONGEST_VERSION = 4000
"""Characters of that field: some forty values of a form, with their names."""
Values = Mapping[str, Any]


def version_of(values: Values) -> str:
    """Return a fingerprint of each stored value, as « name=1a2b3c4d », joined by semicolons after « 1 »."""
    parts = [f"{name}={_fingerprint(value)}" for name, value in sorted(values.items())]
    return ";".join(["1", *parts])


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:8]


def changed_since(version: str, values: Values) -> set[str]:
    """Return the names whose stored values are no longer those of ``version``; a missing name is None."""
    shown = dict(part.split("=", 1) for part in version.split(";") if "=" in part)
    nothing = _fingerprint(None)
    return {
        name
        for name in {*shown, *values}
        if shown.get(name, nothing) != _fingerprint(values.get(name))
    }


def lock_subject(subject: Model | str) -> None:
    """Let one request at a time save ``subject`` until its transaction ends; then read the row again."""
    name = f"{subject._meta.label}|{subject.pk}" if isinstance(subject, Model) else subject
    with connection.cursor() as cursor:
        # Advisory locks are shared by all tenants, so the key names the schema.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.edit.' || %s, 0))",
            [name],
        )
    if isinstance(subject, Model) and subject.pk is not None:
        subject.refresh_from_db()


class EditForm(WorkForm):
    """A form that changes ``subject``, a row or a name of something stored.

    ``stored`` reads the present values by field name. A form that is sent takes the lock of the subject first, so
    that they stay until the end of the transaction. When a typed value would replace one that the page did not
    show, the form is not valid: it keeps what was typed, says the present value of each such field, and is valid
    when it is sent again. A form that is sent without its version has shown nothing. Without ``stored`` the form
    creates something and has no version. A value that ``stored`` gives for a file field stands for the file, and
    is not written into the page.
    """

    is_outdated = False

    def __init__(
        self,
        data: Any = None,
        *args: Any,
        subject: Model | str | None = None,
        stored: Callable[[], Values] | None = None,
        **kwargs: Any,
    ) -> None:
        self.stored: Values | None = None
        if stored is not None:
            if data is not None and subject is not None:
                lock_subject(subject)
            self.stored = dict(stored())
            in_page = {
                name: value
                for name, value in self.stored.items()
                if not isinstance(self.base_fields.get(name), forms.FileField)
            }
            kwargs["initial"] = {**in_page, **(kwargs.get("initial") or {})}
        super().__init__(data, *args, **kwargs)
        if self.stored is not None:
            self.fields[VERSION] = LineField(
                max_length=LONGEST_VERSION, required=False, widget=forms.HiddenInput
            )
            self.initial.setdefault(VERSION, version_of(self.stored))

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows the form: 200, 409 after a concurrent change, 422 with errors."""
        if not self.is_bound or not self.errors:
            return 200
        return 409 if self.is_outdated else 422

    @property
    def differences(self) -> list[tuple[Any, str]]:
        """The label and the present value of each field that a concurrent change left different."""
        return [
            (field.label, field.present_value)
            for field in self.fields.values()
            if hasattr(field, "present_value")
        ]

    def is_comparable(self, changed: set[str]) -> bool:  # for subclasses
        """Return whether the page showed the values of what is saved now, though these names changed."""
        return True

    def full_clean(self) -> None:
        """Compare the stored values with those that the page showed, after the checks of the fields."""
        super().full_clean()
        if self.is_bound and self.stored is not None:
            self._check_version(self.stored)

    def _check_version(self, stored: Values) -> None:
        name = self.add_prefix(VERSION)
        shown = self.data.get(name, "")
        changed = changed_since(shown, stored)
        differing = [
            field for field in self.fields if field in changed and self._differs(field, stored)
        ]
        if not differing or not self.is_comparable(changed):
            return
        self.is_outdated = True
        for field in differing:
            self.fields[field].present_value = self._in_words(field, stored)  # type: ignore[attr-defined]
        self.add_error(
            None,
            _(
                "Quelqu’un a changé cette page entre-temps\u00a0: voyez les valeurs actuelles. Enregistrer de "
                "nouveau les remplace par les vôtres."
            ),
        )
        data: Any = self.data  # a QueryDict or a dict: both have copy()
        data = data.copy()
        data[name] = version_of(stored)
        self.data = data

    def _differs(self, name: str, stored: Values) -> bool:
        field, sent = self.fields[name], self[name].data
        if field.disabled:
            return False
        if isinstance(field, forms.FileField):
            return bool(sent)
        return bool(_read(field, sent) != _read(field, field.prepare_value(stored.get(name))))

    def _in_words(self, name: str, stored: Values) -> str:
        field, value = self.fields[name], stored.get(name)
        if isinstance(field, forms.FileField):
            return _("un autre fichier")
        if isinstance(field, forms.BooleanField):
            return _("oui") if value else _("non")
        if isinstance(value, date):
            return f"{value:%d/%m/%Y}"
        shown = field.prepare_value(value)
        if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
            chosen = shown if isinstance(shown, list | tuple | set) else [shown]
            sent = {str(each) for each in chosen}
            choices: Any = field.choices
            labels = [str(label) for key, label in choices if str(key) in sent]
            return ", ".join(labels) or _("vide")
        return str(shown) if shown not in (None, "") else _("vide")


def _read(field: forms.Field, sent: Any) -> Any:
    """Return what a field makes of a value, to be compared; the value itself when refused."""
    try:
        value = field.clean(sent)
    except ValidationError:
        value = sent
    if isinstance(value, QuerySet):
        return frozenset(row.pk for row in value)
    if isinstance(value, list):
        return sorted(map(str, value))
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    return "" if value is None else value
