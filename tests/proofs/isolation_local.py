"""The walls that stand in the process: caches, keys, signatures, content types."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.cache import cache

from tenants.schema import PUBLIC, Unit, inside
from tests.proofs.tally import Tally
from tests.proofs.world import Practice

_MANY = 40


def probe(stage: Any, tally: Tally, one: Practice, two: Practice, *, short: bool) -> None:
    """Try every door of the process from the other tenant's side."""
    _cache(tally, [one.unit, two.unit, PUBLIC])
    _indexes(tally, one, two, many=_MANY if short else 1_000)
    _signatures(tally, one, two, many=3 if short else 200)
    _content_types(stage, tally, one, two)
    _pasted(stage, tally, one, two)


def _cache(tally: Tally, units: list[Unit]) -> None:
    """What one tenant keeps in the cache, no other one finds, and neither does nobody."""
    for owner in units:
        word, name = f"kept by {owner.role}", f"wall {owner.role}"
        with inside(owner):
            cache.set(name, word, 60)
            cache.set(name, word, 60, version=2)
            cache.set_many({f"{name}:a": word, f"{name}:b": word}, 60)
            tally.control(("cache", owner.role), failed=cache.get(name) != word)
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
                tally.count("cache", (owner.role, other.role, how), failed=seen == word, seen=seen)
        if not owner.is_tenant:
            continue  # outside any unit Django works under the name of the public schema
        for how, seen in {"get": cache.get(name), "get b": cache.get(f"{name}:b")}.items():
            tally.count("cache", (owner.role, "nobody", how), failed=seen == word, seen=seen)


def _indexes(tally: Tally, one: Practice, two: Practice, *, many: int) -> None:
    """The same person at two practices leaves nothing that is equal (N13)."""
    from tenants.keyring import services as keyring

    values = [f"personne{number}@example.org" for number in range(many)]
    refs = [uuid.UUID(int=number + 1) for number in range(many)]
    found = []
    for practice in (one, two):
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
        tally.count("keys", ("blind index", value), failed=left == right)
    for ref, mine, theirs in zip(refs, found[0][1], found[1][1], strict=True):
        tally.count("keys", ("link", ref), failed=mine == theirs)


def _signatures(tally: Tally, one: Practice, two: Practice, *, many: int) -> None:
    """A form token, a challenge or a password link of one tenant says nothing at the other."""
    from booking import form_token, proof_of_work
    from booking.form_token import FormTokenError

    now = datetime.now(UTC)
    for maker, reader in ((one, two), (two, one)):
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
                tally.count("tokens", case, failed=accepted)
        ref = uuid.UUID(int=7)
        solved = _solve(proof_of_work.challenge(schema=maker.unit.schema, form_ref=ref, now=now))
        with inside(reader.unit):
            accepted = proof_of_work.is_solved(solved, schema=reader.unit.schema, form_ref=ref)
        tally.count("tokens", ("work", maker.name), failed=accepted)


def _solve(challenge: str) -> str:
    """Find the number, as the page's script does."""
    import base64
    import hashlib
    import json

    asked = json.loads(challenge)
    for number in range(asked["maxnumber"] + 1):
        if hashlib.sha256(f"{asked['salt']}{number}".encode()).hexdigest() == asked["challenge"]:
            break
    answer = {key: asked[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**answer, "number": number}).encode()).decode()


def _content_types(stage: Any, tally: Tally, one: Practice, two: Practice) -> None:
    """The process remembers content types; their numbers differ between schemas."""
    from django.contrib.contenttypes.models import ContentType

    schema = two.unit.schema
    stage.owner(
        f'BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE "{schema}".auth_permission SET content_type_id ='
        f' content_type_id + 1000; UPDATE "{schema}".django_content_type SET id = id + 1000; COMMIT'
    )
    for model in apps.get_models():
        with inside(one.unit):
            left = ContentType.objects.get_for_model(model).pk
        with inside(two.unit):
            right = ContentType.objects.get_for_model(model).pk
        case = ("content type", model._meta.label)
        tally.count("process", case, failed=right != left + 1000, seen=(left, right))


def _pasted(stage: Any, tally: Tally, one: Practice, two: Practice) -> None:
    """Rows of one tenant pasted into another's tables, keys and all, do not open there."""
    from booking.models import PatientContact
    from booking.services.contacts import open_contact
    from tenants.keyring import services as keyring

    def opened(practice: Practice) -> str:
        keyring.forget_unwrapped_keys()
        with inside(practice.unit):
            contact = PatientContact.objects.select_related("data_key").order_by("pk").first()
            assert contact is not None
            try:
                person = open_contact(contact)
            except Exception as error:  # noqa: BLE001  # refused is refused
                return type(error).__name__
        return person.last_name if person else ""

    a, b = f'"{one.unit.schema}"', f'"{two.unit.schema}"'
    pastes = {
        "contact": f"UPDATE {a}.booking_patientcontact x SET sealed = y.sealed, ref = y.ref"
        f" FROM {b}.booking_patientcontact y WHERE x.id = y.id",
        "data key": f"UPDATE {a}.keyring_datakey x SET wrapped = y.wrapped, ref = y.ref"
        f" FROM {b}.keyring_datakey y WHERE x.id = y.id",
        "tenant key": f"UPDATE {a}.keyring_tenantkey x SET wrapped = y.wrapped, ref = y.ref,"
        f" kek_id = y.kek_id FROM {b}.keyring_tenantkey y",
    }
    for practice in (one, two):
        tally.control(("keys", practice.name), failed=opened(practice) != practice.private)
    tables = ("booking_patientcontact", "keyring_datakey", "keyring_tenantkey")
    for table in tables:
        stage.owner(f"CREATE TABLE {a}.kept_{table} AS TABLE {a}.{table}")
    try:
        for what, statement in pastes.items():
            stage.owner(statement)
            seen = opened(one)
            tally.count("keys", ("pasted", what), failed=seen == two.private, seen=seen)
    finally:
        for table in tables:
            columns = "wrapped = y.wrapped" if "key" in table else "sealed = y.sealed"
            stage.owner(
                f"UPDATE {a}.{table} x SET {columns}, ref = y.ref FROM {a}.kept_{table} y"
                " WHERE x.id = y.id"
            )
            stage.owner(f"DROP TABLE {a}.kept_{table}")
        keyring.forget_unwrapped_keys()
