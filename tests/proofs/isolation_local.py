"""Isolation inside a process: caches, keys, signatures and content types of one tenant, used from another one."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.cache import cache

from tenants.schema import PUBLIC, Unit, inside
from tests.proofs.counter import CaseCounter
from tests.proofs.dataset import CanaryPractice

_MANY = 40


def probe(
    environment: Any,
    counter: CaseCounter,
    first: CanaryPractice,
    second: CanaryPractice,
    *,
    short: bool,
) -> None:
    """Use each of them from the other tenant."""
    _cache(counter, [first.unit, second.unit, PUBLIC])
    _indexes(counter, first, second, many=_MANY if short else 1_000)
    _signatures(counter, first, second, many=3 if short else 200)
    _content_types(environment, counter, first, second)
    _copied_rows(environment, counter, first, second)


def _cache(counter: CaseCounter, units: list[Unit]) -> None:
    """What one tenant stores in the cache is found by no other tenant, and not outside of all tenants."""
    for owner in units:
        word, name = f"kept by {owner.role}", f"probe {owner.role}"
        with inside(owner):
            cache.set(name, word, 60)
            cache.set(name, word, 60, version=2)
            cache.set_many({f"{name}:a": word, f"{name}:b": word}, 60)
            counter.control(("cache", owner.role), failed=cache.get(name) != word)
        for other in units:
            if other == owner:
                continue
            with inside(other):
                found = {
                    "get": cache.get(name),
                    "version": cache.get(name, version=2),
                    "get_many": "".join(cache.get_many([f"{name}:a", f"{name}:b"]).values()),
                    "add": "" if cache.add(name, "x", 60) else word,
                    "touch": word if cache.touch(f"{name}:a", 60) else "",
                }
                cache.delete_many([name, f"{name}:a"])
            for how, seen in found.items():
                counter.count(
                    "cache", (owner.role, other.role, how), failed=seen == word, seen=seen
                )
        if not owner.is_tenant:
            continue  # outside any unit Django works under the name of the public schema
        for how, seen in {"get": cache.get(name), "get b": cache.get(f"{name}:b")}.items():
            counter.count("cache", (owner.role, "no unit", how), failed=seen == word, seen=seen)


def _indexes(
    counter: CaseCounter, first: CanaryPractice, second: CanaryPractice, *, many: int
) -> None:
    """The same person at two practices leaves nothing that is equal (design section 4)."""
    from tenants.keyring import services as keyring

    values = [f"personne{number}@example.org" for number in range(many)]
    refs = [uuid.UUID(int=number + 1) for number in range(many)]
    found = []
    for practice in (first, second):
        with inside(practice.unit):
            found.append(
                (
                    [keyring.blind_index(purpose="contact.email", value=v) for v in values],
                    [
                        keyring.link_token(purpose="appointment.manage", ref=ref, generation=0)
                        for ref in refs
                    ],
                )
            )
    for value, left, right in zip(values, found[0][0], found[1][0], strict=True):
        counter.count("keys", ("blind index", value), failed=left == right)
    for ref, mine, theirs in zip(refs, found[0][1], found[1][1], strict=True):
        counter.count("keys", ("link", ref), failed=mine == theirs)


def _signatures(
    counter: CaseCounter, first: CanaryPractice, second: CanaryPractice, *, many: int
) -> None:
    """A form token or a proof-of-work challenge of one tenant is refused by another one."""
    from booking.abuse import form_token, proof_of_work
    from booking.abuse.form_token import FormTokenError

    now = datetime.now(UTC)
    for maker, reader in ((first, second), (second, first)):
        for purpose in ("choose", "details", "rights"):
            for number in range(many):
                made = form_token.issue(
                    schema=maker.unit.schema, purpose=purpose, now=now - timedelta(minutes=number)
                )
                accepted = True
                try:
                    form_token.read(made, schema=reader.unit.schema, purpose=purpose, now=now)
                except FormTokenError as error:
                    accepted = type(error).__name__ != "Forged"
                case = ("form", maker.name, purpose, number)
                counter.count("tokens", case, failed=accepted)
        ref = uuid.UUID(int=7)
        solved = _solve(proof_of_work.challenge(schema=maker.unit.schema, form_ref=ref, now=now))
        with inside(reader.unit):
            accepted = proof_of_work.is_solved(solved, schema=reader.unit.schema, form_ref=ref)
        counter.count("tokens", ("work", maker.name), failed=accepted)


def _solve(challenge: str) -> str:
    """Solve the challenge as the page's script does."""
    import base64
    import hashlib
    import json

    asked = json.loads(challenge)
    for number in range(asked["maxnumber"] + 1):
        if hashlib.sha256(f"{asked['salt']}{number}".encode()).hexdigest() == asked["challenge"]:
            break
    answer = {key: asked[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**answer, "number": number}).encode()).decode()


def _content_types(
    environment: Any, counter: CaseCounter, first: CanaryPractice, second: CanaryPractice
) -> None:
    """The process caches content types by schema: their keys differ between schemas."""
    from django.contrib.contenttypes.models import ContentType

    schema = second.unit.schema
    environment.owner(
        f'BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE "{schema}".auth_permission SET content_type_id ='
        f' content_type_id + 1000; UPDATE "{schema}".django_content_type SET id = id + 1000; COMMIT'
    )
    for model in apps.get_models():
        with inside(first.unit):
            left = ContentType.objects.get_for_model(model).pk
        with inside(second.unit):
            right = ContentType.objects.get_for_model(model).pk
        case = ("content type", model._meta.label)
        counter.count("process", case, failed=right != left + 1000, seen=(left, right))


def _copied_rows(
    environment: Any, counter: CaseCounter, first: CanaryPractice, second: CanaryPractice
) -> None:
    """Rows of one tenant, copied into another's tables with their keys, cannot be decrypted there."""
    from booking.models import PatientContact
    from booking.patients.contacts import open_contact
    from tenants.keyring import services as keyring

    def opened(practice: CanaryPractice) -> str:
        keyring.delete_unwrapped_keys()
        with inside(practice.unit):
            contact = PatientContact.objects.select_related("data_key").order_by("pk").first()
            assert contact is not None
            try:
                person = open_contact(contact)
            except Exception as error:  # noqa: BLE001  # any refusal will do
                return type(error).__name__
        return person.last_name if person else ""

    a, b = f'"{first.unit.schema}"', f'"{second.unit.schema}"'
    copies = {
        "contact": f"UPDATE {a}.booking_patientcontact x SET sealed = y.sealed, ref = y.ref"
        f" FROM {b}.booking_patientcontact y WHERE x.id = y.id",
        "data key": f"UPDATE {a}.keyring_datakey x SET wrapped = y.wrapped, ref = y.ref"
        f" FROM {b}.keyring_datakey y WHERE x.id = y.id",
        "tenant key": f"UPDATE {a}.keyring_tenantkey x SET wrapped = y.wrapped, ref = y.ref,"
        f" kek_id = y.kek_id FROM {b}.keyring_tenantkey y",
    }
    for practice in (first, second):
        counter.control(("keys", practice.name), failed=opened(practice) != practice.private)
    tables = ("booking_patientcontact", "keyring_datakey", "keyring_tenantkey")
    for table in tables:
        environment.owner(f"CREATE TABLE {a}.kept_{table} AS TABLE {a}.{table}")
    try:
        for what, statement in copies.items():
            environment.owner(statement)
            seen = opened(first)
            counter.count("keys", ("copied", what), failed=seen == second.private, seen=seen)
    finally:
        for table in tables:
            columns = "wrapped = y.wrapped" if "key" in table else "sealed = y.sealed"
            environment.owner(
                f"UPDATE {a}.{table} x SET {columns}, ref = y.ref FROM {a}.kept_{table} y"
                " WHERE x.id = y.id"
            )
            environment.owner(f"DROP TABLE {a}.kept_{table}")
        keyring.delete_unwrapped_keys()
