"""Proof: each practice behind its walls (design section 3; security.md S1, S15).

Every role against every table, every route by every actor at every way of writing the host, every
forged message to the worker, and what stands in the process. 0 of them may succeed; each guard, removed
alone, must turn the proof red.
"""

from contextlib import ExitStack
from typing import Any

from tests.proofs.sabotage import Guard
from tests.proofs.stage import PUBLIC_HOST, Stage, set_stage
from tests.proofs.tally import Tally

PROOF = "isolation"
SQL, WORKER, LOCAL, WEB = "sql", "worker", "local", "web"
SECTIONS = (SQL, WORKER, LOCAL, WEB)


# --- Guards of the database: removed with the owner's login ---------------------------------------
def _roles_merge(stage: Stage, world: Any) -> None:
    one, two = world.one.unit.role, world.two.unit.role
    stage.owner(f'GRANT USAGE ON SCHEMA "{one}" TO "{two}"')
    stage.owner(f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{one}" TO "{two}"')


def _login_has_rights(stage: Stage, world: Any) -> None:
    app, schema = stage.environment.get("APP_ROLE", "app"), world.one.unit.schema
    stage.owner(f'GRANT USAGE ON SCHEMA "{schema}" TO {app}')
    stage.owner(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {app}')


def _public_has_rights(stage: Stage, world: Any) -> None:
    name = stage.owner("SELECT current_database()")[0][0]
    stage.owner(f'GRANT TEMPORARY ON DATABASE "{name}" TO PUBLIC')


def _trail_is_open(stage: Stage, world: Any) -> None:
    schema = world.two.unit.schema
    stage.owner(f'GRANT UPDATE, DELETE ON "{schema}".trail_act TO "{schema}"')


def _sweeper_sees_all(stage: Stage, world: Any) -> None:
    stage.owner(
        f'GRANT SELECT ON "{world.one.unit.schema}".booking_patientcontact TO librdv_sweeper'
    )


def _router_sees_all(stage: Stage, world: Any) -> None:
    stage.owner("GRANT SELECT ON public.accounts_user TO librdv_router")


def _tenants_see_public(stage: Stage, world: Any) -> None:
    stage.owner("GRANT USAGE ON SCHEMA public TO librdv_tenants")
    stage.owner("GRANT SELECT ON public.tenants_tenant TO librdv_tenants")
    stage.owner(f'GRANT librdv_tenants TO "{world.two.unit.role}" ')


def _replace(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


# --- Guards of the process -------------------------------------------------------------------------
def _no_role() -> None:
    from tenants.schema import Unit

    def without_role(self: Any) -> None:
        object.__setattr__(self, "statements", f'SET LOCAL search_path = "{self.schema}"')

    _replace(Unit, "__post_init__", without_role)
    _rebuild_units()


def _no_path() -> None:
    from tenants.schema import Unit

    def without_path(self: Any) -> None:
        object.__setattr__(self, "statements", f'SET LOCAL ROLE "{self.role}"')

    _replace(Unit, "__post_init__", without_path)
    _rebuild_units()


def _rebuild_units() -> None:
    from tenants import schema

    for unit in (schema.PUBLIC, schema.ROUTER, schema.SWEEPER):
        unit.__post_init__()


def _cursor_anywhere() -> None:
    from django_tenants.postgresql_backend import base

    from tenants.database.base import DatabaseWrapper

    _replace(DatabaseWrapper, "_cursor", base.DatabaseWrapper._cursor)


def _units_nest() -> None:
    from tenants.database.base import DatabaseWrapper

    DatabaseWrapper.may_switch = True


def _any_host() -> None:
    from tenants import middleware, routing

    strict = routing.find_route

    def lenient(host: str) -> Any:
        return strict(host) or strict("one.lib-rdv.localhost")

    _replace(middleware, "find_route", lenient)


def _set(**values: object) -> None:
    """Change settings, past the check that would refuse to start with them."""
    from django.conf import settings
    from django.core.checks.registry import registry

    from tenants.checks import check_walls

    registry.registered_checks.discard(check_walls)
    for name, value in values.items():
        setattr(settings, name, value)


def _forwarded_host() -> None:
    _set(USE_X_FORWARDED_HOST=True)


def _doors_on_custom_domains() -> None:
    from django.conf import settings

    _set(CUSTOM_DOMAIN_URLCONF=settings.ROOT_URLCONF)


def _cookie_for_the_apex() -> None:
    _set(SESSION_COOKIE_DOMAIN=f".{PUBLIC_HOST}", CSRF_COOKIE_DOMAIN=f".{PUBLIC_HOST}")


def _shared_sessions() -> None:
    _set(SESSION_ENGINE="django.contrib.sessions.backends.file")


def _shared_cache() -> None:
    from django.core.cache import caches
    from django.core.cache.backends.base import default_key_func

    caches["default"].key_func = default_key_func


def _unstamped() -> None:
    from types import SimpleNamespace

    from tenants import broker

    real: Any = vars(broker)["hmac"]
    lenient = SimpleNamespace(compare_digest=lambda _sent, _right: True, new=real.new)
    _replace(broker, "hmac", lenient)


def _gone_is_served() -> None:
    from tenants import routing

    _replace(routing, "is_served", lambda _schema: True)


def _one_salt() -> None:
    from django.core import signing

    from booking import form_token

    def signer(_schema: str, purpose: str) -> signing.Signer:
        return signing.Signer(salt=f"form|{purpose}", sep=".")

    _replace(form_token, "_signer", signer)


def _one_reset_salt() -> None:
    from tenants.accounts.tokens import ResetTokenGenerator

    _replace(ResetTokenGenerator, "key_salt", "tenants.accounts.reset")


def _one_key() -> None:
    from tenants.keyring import cipher

    _replace(cipher, "place", lambda _schema, table: f"|{table}|".encode())


def _one_content_type_cache() -> None:
    from django.contrib.contenttypes.models import ContentType, ContentTypeManager

    _replace(ContentTypeManager, "_cache", {})
    _replace(ContentType.objects, "_cache", {})


def _guard(
    says: str, *sections: str, process: Any = None, database: Any = None, is_early: bool = False
) -> Guard:
    return Guard(says, sections, process=process, database=database, is_early=is_early)


GUARDS: dict[str, Guard] = {
    "role": _guard("each tenant its own role", SQL, database=_roles_merge),
    "set_role": _guard("SET LOCAL ROLE once per transaction", SQL, process=_no_role),
    "search_path": _guard("SET LOCAL search_path once per transaction", SQL, process=_no_path),
    "login_rights": _guard("the login has no right", SQL, database=_login_has_rights),
    "public_rights": _guard("PUBLIC has no right", SQL, database=_public_has_rights),
    "tenants_group": _guard("tenants see nothing of public", SQL, database=_tenants_see_public),
    "append_only": _guard("the trail is append-only", SQL, database=_trail_is_open),
    "sweeper": _guard("the sweeper reads no sealed column", SQL, database=_sweeper_sees_all),
    "router": _guard("the router reads two tables", SQL, database=_router_sees_all),
    "refusal": _guard("no cursor outside a unit", SQL, process=_cursor_anywhere),
    "nesting": _guard("no unit inside another", SQL, process=_units_nest),
    "broker_stamp": _guard("messages are stamped", WORKER, process=_unstamped),
    "served_only": _guard("workers serve only who is served", WORKER, process=_gone_is_served),
    "cache_key": _guard("cache keys carry the tenant", LOCAL, process=_shared_cache),
    "keys": _guard("sealed bytes name their tenant", LOCAL, process=_one_key, is_early=True),
    "salt": _guard("signatures name their tenant", LOCAL, WEB, process=_one_salt),
    "content_types": _guard(
        "content types by schema", LOCAL, process=_one_content_type_cache
    ),
    "host": _guard("an unknown host is a 404", WEB, process=_any_host),
    "forwarded_host": _guard("the tenant comes from Host only", WEB, process=_forwarded_host),
    "custom_domain": _guard(
        "custom domains serve patients only", WEB, process=_doors_on_custom_domains
    ),
    "cookie": _guard("cookies stay on their host", WEB, process=_cookie_for_the_apex),
    "session": _guard("sessions live in their schema", WEB, process=_shared_sessions),
    "reset_salt": _guard("password links name their tenant", WEB, process=_one_reset_salt, is_early=True),
}  # fmt: skip


class World:
    """The practices of the proof: the victim, the attacker's own, and one that is gone."""

    def __init__(self, stage: Stage, sections: tuple[str, ...]) -> None:
        from tests.proofs import world

        self.one = world.furnish(stage, "one")
        self.two = world.furnish(stage, "two")
        if WORKER in sections:
            self.gone = world.furnish(stage, "gone", state="terminated")
        if WEB in sections:
            world.clone_user(self.one, self.two)
            world.employ_staff()


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof, or with ``sabotage`` the sections in which that guard stands."""
    guard = GUARDS[sabotage] if sabotage else None
    sections = guard.sections if guard else SECTIONS
    tally = Tally(sabotage)
    with ExitStack() as stack:
        # Google Agenda is offered, so that its doors are there; nobody here speaks to it.
        stage = stack.enter_context(set_stage(GOOGLE_CLIENT_ID="fake-client"))
        processes: dict[str, Any] = {}
        if WEB in sections:
            processes[WEB] = stack.enter_context(stage.serve(proof=PROOF, sabotage=sabotage))
        if WORKER in sections:
            processes[WORKER] = stack.enter_context(stage.work(proof=PROOF, sabotage=sabotage))
        world = _world(stage, sections, guard)
        if SQL in sections:
            _sql(stage, tally, world, short=short)
        if WORKER in sections:
            _work(stage, tally, world, processes[WORKER])
        if LOCAL in sections:
            from tests.proofs import isolation_local

            isolation_local.probe(stage, tally, world.one, world.two, short=short)
        if WEB in sections:
            from tests.proofs.isolation_doors import visit

            visit(stage, tally, processes[WEB], world, short=short)
    return tally.report(PROOF, sabotage=sabotage, short=short)


def _world(stage: Stage, sections: tuple[str, ...], guard: Guard | None) -> World:
    """Make the world, and remove the guard before or after it."""
    if guard and guard.is_early:
        guard.remove_from_process()
    world = World(stage, sections)
    if guard:
        if not guard.is_early:
            guard.remove_from_process()
        for practice in (world.one, world.two):
            practice.unit.__post_init__()
        guard.remove_from_database(stage, world)
    return world


def _sql(stage: Stage, tally: Tally, world: World, *, short: bool) -> None:
    from tests.proofs import isolation_sql as walls

    one, two = world.one.unit, world.two.unit
    walls.controls(tally, stage, [one, two])
    walls.probe(stage, tally, one=one, other=two, short=short)
    walls.nested(tally, one, two)


def _work(stage: Stage, tally: Tally, world: World, process: Any) -> None:
    from tests.proofs.isolation_worker import Worker

    Worker(stage, tally, world.one, world.two, world.gone).probe()
    tally.control(("worker", "alive"), failed=process.poll() is not None)
