"""Proof: a tenant reaches nothing of another tenant (G-01).

Each database role sends statements against each table, each kind of visitor sends each route with each way of
writing the host, the worker gets messages with wrong stamps, and the process-wide caches, keys and signatures are
used from the wrong tenant. None of these attempts may succeed.
"""

from contextlib import ExitStack
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import PUBLIC_HOST, ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace

PROOF = "isolation"
SQL, WORKER, LOCAL, WEB = "sql", "worker", "local", "web"
SECTIONS = (SQL, WORKER, LOCAL, WEB)


# --- Guards of the database: removed with the owner's login ---------------------------------------
def _share_a_role(environment: ProofEnvironment, dataset: Any) -> None:
    first, second = dataset.first.unit.role, dataset.second.unit.role
    environment.owner(f'GRANT USAGE ON SCHEMA "{first}" TO "{second}"')
    environment.owner(
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{first}" TO "{second}"'
    )


def _give_the_login_rights(environment: ProofEnvironment, dataset: Any) -> None:
    app, schema = environment.variables.get("APP_ROLE", "app"), dataset.first.unit.schema
    environment.owner(f'GRANT USAGE ON SCHEMA "{schema}" TO {app}')
    environment.owner(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {app}')


def _give_public_rights(environment: ProofEnvironment, dataset: Any) -> None:
    name = environment.owner("SELECT current_database()")[0][0]
    environment.owner(f'GRANT TEMPORARY ON DATABASE "{name}" TO PUBLIC')


def _let_tenants_change_the_audit_trail(environment: ProofEnvironment, dataset: Any) -> None:
    schema = dataset.second.unit.schema
    environment.owner(f'GRANT UPDATE, DELETE ON "{schema}".audit_auditevent TO "{schema}"')


def _let_the_sweeper_read_contacts(environment: ProofEnvironment, dataset: Any) -> None:
    environment.owner(
        f'GRANT SELECT ON "{dataset.first.unit.schema}".booking_patientcontact TO librdv_sweeper'
    )


def _let_the_router_read_users(environment: ProofEnvironment, dataset: Any) -> None:
    environment.owner("GRANT SELECT ON public.accounts_user TO librdv_router")


def _let_tenants_read_public(environment: ProofEnvironment, dataset: Any) -> None:
    environment.owner("GRANT USAGE ON SCHEMA public TO librdv_tenants")
    environment.owner("GRANT SELECT ON public.tenants_tenant TO librdv_tenants")
    environment.owner(f'GRANT librdv_tenants TO "{dataset.second.unit.role}" ')


def _let_the_public_host_read_views(environment: ProofEnvironment, dataset: Any) -> None:
    environment.owner("GRANT USAGE ON SCHEMA for_tenants TO librdv_public")
    environment.owner("GRANT SELECT ON for_tenants.invoices TO librdv_public")


def _lower_the_barrier(environment: ProofEnvironment, dataset: Any) -> None:
    environment.owner("ALTER VIEW for_tenants.invoices SET (security_barrier = false)")


# --- Guards of the process -------------------------------------------------------------------------
def _set_no_role() -> None:
    _enter_units_with('SET LOCAL search_path = "{0.schema}"')


def _set_no_search_path() -> None:
    _enter_units_with('SET LOCAL ROLE "{0.role}"')


def _enter_units_with(statements: str) -> None:
    from tenants import schema

    def set_statements(self: Any) -> None:
        object.__setattr__(self, "statements", statements.format(self))

    replace(schema.Unit, "__post_init__", set_statements)
    for unit in (schema.PUBLIC, schema.ROUTER, schema.SWEEPER):
        unit.__post_init__()


def _open_cursors_anywhere() -> None:
    from django_tenants.postgresql_backend import base

    from tenants.database.base import DatabaseWrapper

    replace(DatabaseWrapper, "_cursor", base.DatabaseWrapper._cursor)


def _nest_units() -> None:
    from tenants.database.base import DatabaseWrapper

    replace(DatabaseWrapper, "may_switch", True)


def _serve_any_host() -> None:
    from tenants import routing

    find_route = routing.find_route

    def find_some_route(host: str) -> Any:
        return find_route(host) or find_route("one.lib-rdv.localhost")

    replace(routing, "find_route", find_some_route)


def _change_settings(**values: object) -> None:
    """Change settings, without the system checks that would refuse to start with them."""
    from django.conf import settings
    from django.core.checks.registry import registry

    kept = {check for check in registry.registered_checks if check.__module__ != "tenants.checks"}
    replace(registry, "registered_checks", kept)
    for name, value in values.items():
        replace(settings, name, value)


def _use_the_forwarded_host() -> None:
    _change_settings(USE_X_FORWARDED_HOST=True)


def _serve_the_dashboard_on_custom_domains() -> None:
    from django.conf import settings

    _change_settings(CUSTOM_DOMAIN_URLCONF=settings.ROOT_URLCONF)


def _set_cookies_for_all_hosts() -> None:
    _change_settings(SESSION_COOKIE_DOMAIN=f".{PUBLIC_HOST}", CSRF_COOKIE_DOMAIN=f".{PUBLIC_HOST}")


def _share_sessions() -> None:
    _change_settings(SESSION_ENGINE="django.contrib.sessions.backends.file")


def _share_cache_keys() -> None:
    from django.core.cache import caches
    from django.core.cache.backends.base import default_key_func

    replace(caches["default"], "key_func", default_key_func)


def _accept_any_stamp() -> None:
    from types import SimpleNamespace

    from tenants import broker

    real: Any = vars(broker)["hmac"]
    accepting = SimpleNamespace(compare_digest=lambda _sent, _right: True, new=real.new)
    replace(broker, "hmac", accepting)


def _serve_terminated_tenants() -> None:
    from tenants import routing

    replace(routing, "is_served", lambda schema: True)


def _sign_forms_for_all_tenants() -> None:
    from django.core import signing

    from booking.abuse import form_token

    def signer(schema: str, purpose: str) -> signing.Signer:
        return signing.Signer(salt=f"form|{purpose}", sep=".")

    replace(form_token, "_signer", signer)


def _sign_password_links_for_all_tenants() -> None:
    from tenants.accounts.tokens import ResetTokenGenerator

    replace(ResetTokenGenerator, "key_salt", "tenants.accounts.reset")


def _seal_for_all_tenants() -> None:
    from tenants.keyring import cipher

    replace(cipher, "associated_prefix", lambda schema, table: f"|{table}|".encode())


def _share_content_types() -> None:
    from django.contrib.contenttypes.models import ContentType, ContentTypeManager

    replace(ContentTypeManager, "_cache", {})
    replace(ContentType.objects, "_cache", {})


def _guard(
    promise: str, *sections: str, process: Any = None, database: Any = None, is_early: bool = False
) -> Guard:
    return Guard(promise, sections, process=process, database=database, is_early=is_early)


GUARDS: dict[str, Guard] = {
    "role": _guard("each tenant its own role", SQL, database=_share_a_role),
    "set_role": _guard("SET LOCAL ROLE once per transaction", SQL, process=_set_no_role),
    "search_path": _guard(
        "SET LOCAL search_path once per transaction", SQL, process=_set_no_search_path
    ),
    "login_rights": _guard("the login has no right", SQL, database=_give_the_login_rights),
    "public_rights": _guard("PUBLIC has no right", SQL, database=_give_public_rights),
    "tenants_group": _guard(
        "tenants read nothing of public", SQL, database=_let_tenants_read_public
    ),
    "view_rights": _guard(
        "tenants alone read the views for them", SQL, database=_let_the_public_host_read_views
    ),
    "view_barrier": _guard(
        "a condition meets no row of another tenant", SQL, database=_lower_the_barrier
    ),
    "append_only": _guard(
        "the audit trail is append-only", SQL, database=_let_tenants_change_the_audit_trail
    ),
    "sweeper": _guard(
        "the sweeper reads no sealed column", SQL, database=_let_the_sweeper_read_contacts
    ),
    "router": _guard("the router reads two tables", SQL, database=_let_the_router_read_users),
    "refusal": _guard("no cursor outside a unit", SQL, process=_open_cursors_anywhere),
    "nesting": _guard("no unit inside another", SQL, process=_nest_units),
    "broker_stamp": _guard("messages are stamped", WORKER, process=_accept_any_stamp),
    "served_only": _guard(
        "workers serve only tenants that are served", WORKER, process=_serve_terminated_tenants
    ),
    "cache_key": _guard("cache keys carry the tenant", LOCAL, process=_share_cache_keys),
    "keys": _guard(
        "sealed bytes name their tenant", LOCAL, process=_seal_for_all_tenants, is_early=True
    ),
    "salt": _guard("signatures name their tenant", LOCAL, WEB, process=_sign_forms_for_all_tenants),
    "content_types": _guard("content types by schema", LOCAL, process=_share_content_types),
    "host": _guard("an unknown host is a 404", WEB, process=_serve_any_host),
    "forwarded_host": _guard(
        "the tenant comes from Host only", WEB, process=_use_the_forwarded_host
    ),
    "custom_domain": _guard(
        "custom domains serve patients only", WEB, process=_serve_the_dashboard_on_custom_domains
    ),
    "cookie": _guard("cookies stay on their host", WEB, process=_set_cookies_for_all_hosts),
    "session": _guard("sessions live in their schema", WEB, process=_share_sessions),
    "reset_salt": _guard(
        "password links name their tenant",
        WEB,
        process=_sign_password_links_for_all_tenants,
        is_early=True,
    ),
}


# --- The run --------------------------------------------------------------------------------------


class IsolationDataset:
    """The practices of the proof: the victim ``first``, the attacker's own ``second``, and a terminated one."""

    def __init__(self, environment: ProofEnvironment, sections: tuple[str, ...]) -> None:
        from tests.proofs import dataset

        self.first = dataset.make_canary_practice(environment, "one")
        self.second = dataset.make_canary_practice(environment, "two")
        if WORKER in sections:
            self.gone = dataset.make_canary_practice(environment, "gone", state="terminated")
        if WEB in sections:
            dataset.clone_user(self.first, self.second)
            dataset.employ_staff()


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof; with ``sabotage`` only the sections of that guard."""
    guard = GUARDS[sabotage] if sabotage else None
    sections = guard.sections if guard else SECTIONS
    counter = CaseCounter(guard)
    with ExitStack() as stack:
        # With a client id the product offers the pages of Google Agenda; no request reaches Google.
        environment = stack.enter_context(
            open_environment(proof=PROOF, sabotage=sabotage, GOOGLE_CLIENT_ID="fake-client")
        )
        processes: dict[str, Any] = {}
        if WEB in sections:
            processes[WEB] = stack.enter_context(environment.serve())
        if WORKER in sections:
            processes[WORKER] = stack.enter_context(environment.work())
        dataset = _make_dataset(environment, sections, guard)
        if SQL in sections:
            _send_statements(environment, counter, dataset, short=short)
        if WORKER in sections:
            _send_messages(environment, counter, dataset, processes[WORKER])
        if LOCAL in sections:
            from tests.proofs import isolation_local

            isolation_local.probe(environment, counter, dataset.first, dataset.second, short=short)
        if WEB in sections:
            from tests.proofs.isolation_http import visit

            visit(environment, counter, processes[WEB], dataset, short=short)
    return counter.report(PROOF, sabotage=sabotage, short=short)


def _make_dataset(
    environment: ProofEnvironment, sections: tuple[str, ...], guard: Guard | None
) -> IsolationDataset:
    """Make the dataset, and remove the guard before or after it."""
    if guard and guard.is_early:
        guard.remove_from_process()
    dataset = IsolationDataset(environment, sections)
    if guard:
        if not guard.is_early:
            guard.remove_from_process()
        for practice in (dataset.first, dataset.second):
            practice.unit.__post_init__()
        guard.remove_from_database(environment, dataset)
    return dataset


def _send_statements(
    environment: ProofEnvironment, counter: CaseCounter, dataset: IsolationDataset, *, short: bool
) -> None:
    from tests.proofs import isolation_sql

    first, second = dataset.first.unit, dataset.second.unit
    isolation_sql.controls(counter, environment, [first, second])
    isolation_sql.probe(environment, counter, first=first, other=second, short=short)
    isolation_sql.nested(counter, first, second)


def _send_messages(
    environment: ProofEnvironment, counter: CaseCounter, dataset: IsolationDataset, worker: Any
) -> None:
    from tests.proofs.isolation_worker import WorkerProbes

    WorkerProbes(environment, counter, dataset.first, dataset.second, dataset.gone).probe()
    counter.control(("worker", "alive"), failed=worker.returncode is not None)
