"""Declarations of personal data: for each field of each model, personal or harmless (design section 7).

The Art. 30 register, the privacy notice, export and erasure read these declarations; an undeclared
concrete field fails the tests. Models of libraries cannot carry the attribute ``personal_data``:
LIBRARY_DECLARATIONS holds their declarations.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from django.apps import apps
from django.db import models

_LEGAL_BASIS = re.compile(r"6\.1\.[a-f]")


class DeclarationError(ValueError):
    """A declaration contradicts itself or lacks an entry that the Art. 30 register requires."""


@dataclass(frozen=True)
class PersonalData:
    """The declaration of one table; `personal` maps a field to its category of data, in French."""

    subjects: str
    purpose: str
    legal_basis: str
    recipients: tuple[str, ...]
    source: str
    retention: str
    personal: Mapping[str, str]
    harmless: tuple[str, ...]

    @property
    def fields(self) -> frozenset[str]:
        """All declared fields, personal and harmless."""
        return frozenset(self.personal) | frozenset(self.harmless)


def declare(  # noqa: PLR0913  # one argument per column of an Art. 30 register
    *,
    subjects: str = "",
    purpose: str = "",
    legal_basis: str = "",
    recipients: Iterable[str] = (),
    source: str = "",
    retention: str = "",
    personal: Mapping[str, str] = MappingProxyType({}),
    harmless: Iterable[str] = (),
) -> PersonalData:
    """Return a declaration. Raises DeclarationError.

    With a personal field every column of the register is mandatory, and the legal basis is one of
    Article 6 (1), such as ``6.1.b``.
    """
    made = PersonalData(
        subjects=subjects,
        purpose=purpose,
        legal_basis=legal_basis,
        recipients=tuple(recipients),
        source=source,
        retention=retention,
        personal=MappingProxyType(dict(personal)),
        harmless=tuple(harmless),
    )
    _refuse_contradictions(made)
    return made


def _refuse_contradictions(made: PersonalData) -> None:
    if twice := set(made.personal) & set(made.harmless):
        raise DeclarationError(f"both personal and harmless: {sorted(twice)}")
    if not made.personal:
        return
    if not all((made.subjects, made.purpose, made.recipients, made.source, made.retention)):
        raise DeclarationError(
            "personal fields need subjects, purpose, recipients, source, retention"
        )
    if not _LEGAL_BASIS.fullmatch(made.legal_basis):
        raise DeclarationError(f"not a legal basis of Article 6: {made.legal_basis!r}")
    if not all(made.personal.values()):
        raise DeclarationError("a personal field needs its category")


_account = partial(
    declare,
    subjects="utilisateurs du cabinet et personnel de lib-rdv",
    purpose="authentifier les utilisateurs",
    legal_basis="6.1.b",
    recipients=("cabinet", "lib-rdv"),
    source="la personne elle-même",
    retention="durée du compte",
)
_sign_in = partial(
    declare,
    subjects="utilisateurs du cabinet et personnel de lib-rdv",
    purpose="repérer les tentatives d’intrusion",
    legal_basis="6.1.f",
    recipients=("lib-rdv",),
    source="connexion",
    retention="24 heures après le dernier essai",
)
_AXES_PERSONAL = {
    "username": "identifiant",
    "ip_address": "adresse IP",
    "user_agent": "navigateur",
}
_AXES_HARMLESS = ("id", "http_accept", "path_info", "attempt_time")

LIBRARY_DECLARATIONS: Mapping[str, PersonalData] = MappingProxyType(
    {
        "account.EmailAddress": _account(
            personal={"user": "compte", "email": "contact"}, harmless=("id", "verified", "primary")
        ),
        "account.EmailConfirmation": _account(
            personal={"email_address": "contact"},
            harmless=("id", "created", "sent", "key"),
        ),
        "admin.LogEntry": _sign_in(
            personal={
                "user": "compte",
                "object_repr": "libellé de l’objet",
                "change_message": "changement",
            },
            harmless=("id", "action_time", "content_type", "object_id", "action_flag"),
        ),
        "auth.Group": declare(harmless=("id", "name")),
        "auth.Permission": declare(harmless=("id", "name", "content_type", "codename")),
        "axes.AccessAttempt": _sign_in(
            personal=_AXES_PERSONAL | {"get_data": "requête", "post_data": "requête"},
            harmless=(*_AXES_HARMLESS, "failures_since_start"),
        ),
        "axes.AccessAttemptExpiration": declare(harmless=("access_attempt", "expires_at")),
        "axes.AccessFailureLog": _sign_in(
            personal=_AXES_PERSONAL, harmless=(*_AXES_HARMLESS, "locked_out")
        ),
        "axes.AccessLog": _sign_in(
            personal=_AXES_PERSONAL, harmless=(*_AXES_HARMLESS, "logout_time", "session_hash")
        ),
        "contenttypes.ContentType": declare(harmless=("id", "app_label", "model")),
        "mfa.Authenticator": _account(
            personal={"user": "compte", "data": "second facteur"},
            harmless=("id", "type", "created_at", "last_used_at"),
        ),
        "sessions.Session": _account(
            retention="fin de la session",
            personal={"session_key": "session", "session_data": "session"},
            harmless=("expire_date",),
        ),
    }
)


def declaration_of(model: type[models.Model]) -> PersonalData | None:
    """Return the declaration of a model of the application or of a library; None without one."""
    own = model.__dict__.get("personal_data")
    if isinstance(own, PersonalData):
        return own
    return LIBRARY_DECLARATIONS.get(model._meta.label)


def declared_models() -> Iterator[tuple[type[models.Model], PersonalData]]:
    """Yield every installed model with its declaration, ordered by table name."""
    for model in sorted(_stored_models(), key=lambda m: m._meta.db_table):
        declared = declaration_of(model)
        if declared is not None:
            yield model, declared


def models_with_people() -> Iterator[tuple[type[models.Model], PersonalData]]:
    """Yield the models with at least one personal field: export and erasure iterate over them."""
    for model, declared in declared_models():
        if declared.personal:
            yield model, declared


def undeclared() -> list[str]:
    """Return `app.Model.field` of every undeclared field, and of every declared field that does not exist."""
    wrong: list[str] = []
    for model in _stored_models():
        declared = declaration_of(model)
        named = declared.fields if declared is not None else frozenset()
        existing = {field.name for field in model._meta.local_concrete_fields}
        wrong += [f"{model._meta.label}.{name}" for name in existing - named]
        links = {field.name for field in model._meta.local_many_to_many}
        gone = named - existing - links
        wrong += [f"{model._meta.label}.{name} (no such field)" for name in gone]
    return sorted(wrong)


def columns_declared(*, apps_of_schema: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return table -> declared columns, as the database names them, for the apps of one kind of schema.

    Automatic many-to-many tables hold two foreign keys; all their columns count as declared.
    """
    names = frozenset(apps_of_schema)
    found: dict[str, frozenset[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.proxy or not meta.managed or meta.app_config.name not in names:
            continue
        declared = declaration_of(model)
        named = frozenset() if declared is None else declared.fields
        found[meta.db_table] = frozenset(
            str(field.column)
            for field in meta.local_concrete_fields
            if meta.auto_created or field.name in named
        )
    return found


def personal_values(instance: models.Model) -> dict[str, object]:
    """Return the personal fields of one row with their stored values, for an export.

    Raises DeclarationError when the model has no declaration.
    """
    declared = declaration_of(type(instance))
    if declared is None:
        raise DeclarationError(f"{instance._meta.label} declares nothing")
    return {name: getattr(instance, name) for name in declared.personal}


def _stored_models() -> list[type[models.Model]]:
    """Return the managed models with a table, without automatic many-to-many tables."""
    return [m for m in apps.get_models() if m._meta.managed and not m._meta.proxy]
