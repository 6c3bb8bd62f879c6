"""The pages of Google Agenda: connection, status, settings, differences, tasks, disconnection."""

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from booking.appointments.cancel import cancel
from booking.models import (
    Appointment,
    Authorization,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
    Location,
    PatientContact,
    Practice,
    Practitioner,
)
from booking.rules import kinds
from booking.rules.erasure import Level
from tenants.accounts.models import Role, User
from tenants.audit.models import AuditEvent
from tenants.audit.services import actor_of, record
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_entry,
    make_hours,
    make_link,
    make_person,
    make_practitioner,
    make_type,
)

PAGE = reverse("dashboard:google")
RETURN = reverse("dashboard:google_return")
FRIDAY = local(date(2026, 11, 13), 14)
CONSENT = "https://accounts.google.com/o/oauth2/v2/auth"


@pytest.fixture(autouse=True)
def offered(settings: Settings) -> None:
    """Offer Google Agenda, with an address for its notifications."""
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "fake-client", "fake-secret"
    settings.GOOGLE_CONSENT_URL = CONSENT
    settings.GOOGLE_SIGNAL_URL = "http://connect.lib-rdv.localhost/google/signal/"


@pytest.fixture
def user(cabinet: Cabinet) -> User:
    """Return the owner of the practice, whose agenda is its only one."""
    made = make_member(Role.OWNER)
    cabinet.practitioner.user = made
    cabinet.practitioner.save(update_fields=["user"])
    return made


@pytest.fixture
def owner(user: User, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, user)


def page(name: str, *arguments: Any) -> str:
    return reverse(f"dashboard:google_{name}", args=arguments)


def of(cabinet: Cabinet, name: str) -> str:
    """Return the address of a page about the practice's agenda."""
    return page(name, cabinet.practitioner.ref)


def asked(client: Client, cabinet: Cabinet, **data: str) -> dict[str, list[str]]:
    """Press « Connecter » and return the parameters of the consent request."""
    answer = client.post(of(cabinet, "connect"), data)
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{CONSENT}?")
    return parse_qs(urlsplit(answer["Location"]).query)


def failed(cabinet: Cabinet, user: User, code: str) -> None:
    """Create a failed attempt."""
    Authorization.objects.create(
        state_hash=uuid.uuid4().bytes * 2, session_hash=b"0" * 32, user=user,
        practitioner=cabinet.practitioner, sealed=b"", state="failed", failure=code,
        created_at=NOW, expires_at=NOW + timedelta(minutes=10),
    )  # fmt: skip


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("verb", flat=True))


# --- Not connected -------------------------------------------------------------------------------------------
def test_the_page_says_what_is_read_and_what_is_never_seen(owner: Client) -> None:
    shown = owner.get(PAGE).text

    assert "n’écrire que dans celui-là" in shown
    assert "un début, une fin, et rien d’autre" in shown
    assert "Relire l’agenda « Rendez-vous » qu’il a créé" in shown
    assert "Ce que vous y notez est lu avec\u00a0; rien n’en est gardé." in shown
    assert "Les titres, les lieux et les notes de vos autres agendas." in shown
    assert "Vos contacts et vos e-mails." in shown
    assert "Votre mot de passe Google" in shown
    assert "Pour arrêter" in shown
    assert shown.count("Connecter Google Agenda") == 1


@pytest.mark.parametrize("is_linked", [False, True])
def test_what_keeps_no_time_free_is_said_before_any_conflict(
    owner: Client, cabinet: Cabinet, is_linked: bool
) -> None:
    if is_linked:
        make_link(cabinet.practitioner)

    shown = owner.get(PAGE).text.replace("\u00a0", " ")

    assert "un événement marqué « Disponible »" in shown
    assert "ceux d’une journée entière le sont d’office" in shown
    assert "un autre agenda que le principal ou « Rendez-vous »" in shown


def test_the_page_names_the_user_that_connected_the_account_if_known(
    owner: Client, user: User, cabinet: Cabinet
) -> None:
    account = make_link(cabinet.practitioner)
    unknown = owner.get(PAGE).text.replace("\u00a0", " ")
    record(verb="calendar.connected", ref=account.ref, actor=actor_of(user.pk), now=NOW)

    known = owner.get(PAGE).text.replace("\u00a0", " ")

    assert "connecté depuis le 10 novembre 2026" in unknown
    assert f"connecté par {user.get_full_name()} le 10 novembre 2026" in known
    assert "lib-rdv n’en connaît pas l’adresse" in known


def test_the_wider_permission_is_offered_unticked_with_its_price(owner: Client) -> None:
    shown = owner.get(PAGE).text

    box = re.search(r"<input[^>]*name=\"is_instant\"[^>]*>", shown)
    assert box is not None
    assert "checked" not in box[0]
    assert "l’autorisation est plus large" in shown


def test_the_wider_permission_is_not_offered_without_a_notification_address(
    owner: Client, settings: Settings
) -> None:
    settings.GOOGLE_SIGNAL_URL = ""

    assert "is_instant" not in owner.get(PAGE).text


def test_nothing_is_offered_where_lib_rdv_has_no_identifier(
    owner: Client, cabinet: Cabinet, settings: Settings
) -> None:
    settings.GOOGLE_CLIENT_ID = ""

    shown = owner.get(PAGE).text
    refused = owner.post(of(cabinet, "connect"))

    assert "n’est pas encore proposé" in shown
    assert "<form" not in shown.partition("<main")[2]
    assert refused.status_code == 404
    assert Authorization.objects.count() == 0


def test_connecting_goes_to_google_with_the_narrow_permissions(
    owner: Client, cabinet: Cabinet
) -> None:
    parameters = asked(owner, cabinet)

    scopes = parameters["scope"][0].split()
    assert [scope.rpartition("/")[2] for scope in scopes] == [
        "openid",
        "calendar.app.created",
        "calendar.freebusy",
    ]
    assert parameters["code_challenge_method"] == ["S256"]
    attempt = Authorization.objects.get()
    assert (attempt.state, attempt.is_instant_wanted) == ("asked", False)


def test_the_wider_permission_is_asked_for_only_when_ticked(
    owner: Client, cabinet: Cabinet, settings: Settings
) -> None:
    ticked = asked(owner, cabinet, is_instant="on")["scope"][0]
    settings.GOOGLE_SIGNAL_URL = ""
    forged = asked(owner, cabinet, is_instant="on")["scope"][0]

    assert "calendar.events.freebusy" in ticked
    assert "calendar.events.freebusy" not in forged


def test_only_this_page_may_lead_to_google(owner: Client, cabinet: Cabinet) -> None:
    policy = owner.get(PAGE)["Content-Security-Policy"]
    elsewhere = owner.get(reverse("dashboard:today"))["Content-Security-Policy"]
    account = make_link(cabinet.practitioner)
    disconnect = owner.get(of(cabinet, "disconnect"))["Content-Security-Policy"]

    assert account.state == "connected"
    assert "form-action 'self' https://accounts.google.com;" in f"{policy};"
    assert "form-action 'self';" in f"{elsewhere};"
    assert "form-action 'self';" in f"{disconnect};"


# --- Coming back ---------------------------------------------------------------------------------------------
def test_what_google_gave_is_left_to_a_worker_and_the_page_waits(
    owner: Client, cabinet: Cabinet
) -> None:
    state = asked(owner, cabinet)["state"][0]

    answer = owner.get(RETURN, {"state": state, "code": "4/fictif"})

    assert answer.status_code == 303
    assert answer["Location"] == of(cabinet, "agenda")
    assert (answer["Cache-Control"].count("no-store"), answer["Referrer-Policy"]) == (
        1,
        "no-referrer",
    )
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_CONNECT).count() == 1
    shown = owner.get(answer["Location"]).text
    assert "Connexion en cours" in shown
    assert of(cabinet, "state") in shown
    assert "4/fictif" not in shown
    assert "Connecter Google Agenda" not in shown
    assert owner.get(of(cabinet, "state")).status_code == 204


def test_a_page_that_waits_is_loaded_again_when_it_is_over(owner: Client, cabinet: Cabinet) -> None:
    state = asked(owner, cabinet)["state"][0]
    owner.get(RETURN, {"state": state, "code": "4/fictif"})
    Authorization.objects.update(state="done")
    make_link(cabinet.practitioner)

    answer = owner.get(of(cabinet, "state"))

    assert (answer.status_code, answer["HX-Refresh"]) == (200, "true")
    assert "Google Agenda est connecté." in owner.get(PAGE).text


def test_waiting_is_no_activity_of_the_persons_own(owner: Client, cabinet: Cabinet) -> None:
    state = asked(owner, cabinet)["state"][0]
    owner.get(RETURN, {"state": state, "code": "4/fictif"})

    assert """hx-headers='{"X-Refresh":"1"}'""" in owner.get(PAGE).text


def test_the_page_stops_waiting_for_an_expired_attempt(owner: Client, cabinet: Cabinet) -> None:
    state = asked(owner, cabinet)["state"][0]
    owner.get(RETURN, {"state": state, "code": "4/fictif"})
    Authorization.objects.update(expires_at=NOW)

    shown = owner.get(PAGE).text

    assert "n’a pas abouti à temps" in shown
    assert "Connecter Google Agenda" in shown
    assert owner.get(of(cabinet, "state")).status_code == 200


def test_a_refusal_at_google_comes_back_with_a_sentence(owner: Client, cabinet: Cabinet) -> None:
    state = asked(owner, cabinet)["state"][0]

    answer = owner.get(RETURN, {"state": state, "error": "access_denied"}, follow=True)

    assert "L’autorisation n’a pas été donnée chez Google." in answer.content.decode()
    assert "access_denied" not in answer.content.decode()
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_CONNECT).count() == 0


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "inconnu", "code": "4/fictif"},
        {"state": "t_one.inconnu", "code": "4/fictif"},
        {"state": "t_two.\x00\ud83d", "code": ""},
        {"code": "4/fictif"},
    ],
)
def test_an_unknown_state_is_a_bad_request_that_says_what_to_do(
    owner: Client, query: dict[str, str]
) -> None:
    answer = owner.get(
        RETURN, {key: value.encode("utf-8", "replace") for key, value in query.items()}
    )

    assert answer.status_code == 400
    assert "Recommencez depuis la page Google Agenda" in answer.text
    assert answer["Referrer-Policy"] == "no-referrer"


def test_a_state_serves_once_one_session_one_person_and_ten_minutes(
    owner: Client, user: User, cabinet: Cabinet, host: str
) -> None:
    query = {"state": asked(owner, cabinet)["state"][0], "code": "4/fictif"}
    colleague = browser(host, make_member(Role.OWNER, "autre@example.org"))

    by_another = colleague.get(RETURN, query)
    in_another_session = browser(host, user).get(RETURN, query)
    by_nobody = browser(host).get(RETURN, query)
    once = owner.get(RETURN, query)
    twice = owner.get(RETURN, query)
    late = {"state": asked(owner, cabinet)["state"][0], "code": "4/fictif"}
    Authorization.objects.filter(state="asked").update(expires_at=NOW)

    assert (by_another.status_code, in_another_session.status_code) == (400, 400)
    assert by_nobody["Location"].startswith("/connexion/")
    assert (once.status_code, twice.status_code) == (303, 400)
    assert owner.get(RETURN, late).status_code == 400


def test_a_head_or_post_of_the_return_address_changes_nothing(
    owner: Client, cabinet: Cabinet
) -> None:
    query = {"state": asked(owner, cabinet)["state"][0], "code": "4/fictif"}

    assert owner.head(RETURN, query_params=query).status_code == 405
    assert owner.post(RETURN, query_params=query).status_code == 405
    assert Authorization.objects.get().state == "asked"


def test_a_user_without_the_agenda_any_more_connects_nothing(
    owner: Client, cabinet: Cabinet
) -> None:
    query = {"state": asked(owner, cabinet)["state"][0], "code": "4/fictif"}
    Practitioner.objects.update(is_active=False)

    assert owner.get(RETURN, query).status_code == 404
    assert Authorization.objects.get().state == "asked"
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_CONNECT).count() == 0


@pytest.mark.parametrize(
    ("code", "what", "advice"),
    [
        ("refused_by_person", "L’autorisation n’a pas été donnée", "recommencer quand vous voulez"),
        ("part_lost", "Votre rôle ou votre agenda a changé", "l’agenda qui est le vôtre"),
        ("code_refused", "elle a sans doute trop attendu", "plus de dix minutes"),
        ("no_right_to_write", "était décochée chez Google", "en la laissant cochée"),
        ("no_refresh_token", "qu’un accès d’une heure", "retirez l’accès de lib-rdv"),
        ("google_fault", "Google a répondu par une erreur", "dans quelques minutes"),
        ("unreachable", "Google n’a pas répondu", "dans quelques minutes"),
        ("answer_unreadable", "n’a pas pu être lue", "prévenez lib-rdv"),
        ("KeyError", "Une erreur de notre côté", "prévenez lib-rdv"),
    ],
)
def test_each_failure_has_its_sentence_and_what_to_do(
    owner: Client, user: User, cabinet: Cabinet, code: str, what: str, advice: str
) -> None:
    failed(cabinet, user, code)

    shown = owner.get(PAGE).text

    assert what in shown
    assert advice in shown
    assert code not in shown


# --- Connected -----------------------------------------------------------------------------------------------
def test_a_link_that_works_is_green_in_words(owner: Client, cabinet: Cabinet) -> None:
    make_link(
        cabinet.practitioner,
        checked_at=NOW - timedelta(hours=7),
        checked=42,
        repaired=1,
        busy_at=NOW,
    )

    shown = owner.get(PAGE).text

    assert "Tout fonctionne" in shown
    assert "42 rendez-vous comparés, 1 écart" in shown
    assert "Lues mardi 10 novembre, 10 h 40" in shown.replace("\u00a0", " ")
    assert "fake-refresh" not in shown
    assert "fake-calendar" not in shown


@pytest.mark.parametrize(
    ("fields", "entry", "word", "sentence"),
    [
        (
            {},
            {"version": 2, "changed_at": NOW - timedelta(minutes=6)},
            "À surveiller",
            "depuis plus de 5",
        ),
        ({}, {"version": 2, "changed_at": NOW - timedelta(hours=1)}, "Arrêté", "plus d’une heure"),
        ({}, {"state": "refused"}, "À surveiller", "Google a refusé des rendez-vous"),
        ({"last_success_at": None}, {}, "À surveiller", "premier échange"),
        (
            {"busy_at": NOW - timedelta(minutes=30)},
            {},
            "À surveiller",
            "Vos heures occupées ne sont plus lues depuis plus de 30 minutes",
        ),
        (
            {"busy_at": NOW - timedelta(hours=1)},
            {},
            "Arrêté",
            "Vos heures occupées ne sont plus lues depuis plus d’une heure",
        ),
        (
            {"can_read_busy": False, "last_success_at": NOW - timedelta(minutes=30)},
            {},
            "À surveiller",
            "Google ne répond plus depuis plus de 30 minutes",
        ),
        (
            {"can_read_busy": False, "last_success_at": NOW - timedelta(hours=1)},
            {},
            "Arrêté",
            "Google ne répond plus depuis plus d’une heure",
        ),
        ({"state": "reconnect"}, {}, "Arrêté", "n’a plus accès à ce compte"),
    ],
)
def test_each_status_has_its_label_and_its_reason(
    owner: Client,
    cabinet: Cabinet,
    fields: dict[str, Any],
    entry: dict[str, Any],
    word: str,
    sentence: str,
) -> None:
    account = make_link(cabinet.practitioner, **fields)
    make_entry(make_appointment(cabinet, FRIDAY), account, **entry)

    shown = owner.get(PAGE).text

    assert word in shown
    assert sentence in shown


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("invalid_grant", "le mot de passe du compte a changé"),
        ("rate_limit", "Google demande d’attendre"),
        ("quota", "Google demande d’attendre"),
        ("breaker", "Google demande d’attendre"),
        ("google_fault", "Google a répondu par une erreur"),
        ("token_fault", "Google n’a pas renouvelé l’accès"),
        ("token_refused", "Google n’accepte pas l’autorisation"),
        ("unreachable", "Google n’a pas répondu"),
        ("unreadable", "n’a pas pu être lue"),
        ("answer_403", "Google a refusé d’écrire"),
        ("busy_unreadable", "Google ne laisse plus lire vos heures occupées"),
        ("answer_418", "Google a refusé une demande."),
    ],
)
def test_the_last_error_is_shown_in_french(
    owner: Client, cabinet: Cabinet, code: str, sentence: str
) -> None:
    make_link(cabinet.practitioner, last_error=code, last_error_at=NOW)

    shown = owner.get(PAGE).text

    assert sentence in shown
    assert code not in shown


def test_busy_times_that_may_not_be_read_are_explained(owner: Client, cabinet: Cabinet) -> None:
    make_link(cabinet.practitioner, can_read_busy=False)

    shown = owner.get(PAGE).text

    assert "on peut réserver pendant vos autres engagements" in shown
    assert "Reconnecter pour le permettre" in shown


def test_resynchronising_writes_everything_again_and_reads_now(
    owner: Client, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_link(cabinet.practitioner)
    appointment = make_appointment(cabinet, FRIDAY)
    make_entry(appointment, account)
    enqueued: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "booking.actors.enqueue_on_commit", lambda _send, *args: enqueued.append(args)
    )

    answer = owner.post(of(cabinet, "resync"), follow=True)

    assert "1 rendez-vous sont réécrits" in answer.content.decode()
    entry = CalendarEntry.objects.get()
    assert (entry.version, entry.pushed) == (2, 1)
    account.refresh_from_db()
    assert account.poll_at == NOW
    assert enqueued == [("t_one", account.ref.hex)]
    assert verbs()[-1] == "calendar.resynced"


def test_what_is_to_be_reconnected_is_not_resynchronised(owner: Client, cabinet: Cabinet) -> None:
    make_link(cabinet.practitioner, state="reconnect")

    answer = owner.post(of(cabinet, "resync"), follow=True)

    assert "Reconnectez d’abord ce compte." in answer.content.decode()
    assert "calendar.resynced" not in verbs()


@pytest.mark.parametrize("name", ["resync", "disconnect", "agenda"])
def test_nothing_can_be_done_with_a_link_that_is_not_there(
    owner: Client, cabinet: Cabinet, name: str
) -> None:
    assert owner.post(of(cabinet, name)).status_code == 404


# --- What the events say -------------------------------------------------------------------------------------
CHOICE = {"level": "1", "on_erasure": "keep"}


def test_each_level_shows_what_its_events_would_say(owner: Client, cabinet: Cabinet) -> None:
    make_link(cabinet.practitioner)

    shown = owner.get(PAGE).text.replace("\u00a0", " ")

    assert "« Réservé (réf. 7TA-A1Q) »" in shown
    assert "« RDV C. S. »" in shown
    assert "« Camille Spécimen », 06 39 98 01 04, Consultation" in shown


def test_names_in_a_personal_account_need_an_instruction_which_is_kept(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner)
    before = Practice.objects.get().notice_version

    refused = owner.post(of(cabinet, "agenda"), {**CHOICE, "level": "2"})
    instructed = owner.post(
        of(cabinet, "agenda"), {**CHOICE, "level": "2", "is_instructed": "on"}, follow=True
    )

    assert refused.status_code == 422
    assert "Pour inscrire les noms, cochez cette case." in refused.text
    assert 'id="id_is_instructed_error"' in refused.text
    shown = instructed.content.decode().replace("\u00a0", " ")
    assert "Noms inscrits sur votre instruction du 10 novembre 2026" in shown
    assert GoogleAccount.objects.get().level == Level.NAMED
    assert Practice.objects.get().notice_version == before + 1
    assert verbs()[-1] == "calendar.level.2"


def test_writing_the_address_of_home_visits_is_an_instruction_of_its_own(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner, level=2)
    page = owner.get(of(cabinet, "agenda")).text
    Location.objects.filter(pk=cabinet.location.pk).update(kind=Location.LocationKind.HOME)
    page_of_home_visits = owner.get(of(cabinet, "agenda")).text

    owner.post(of(cabinet, "agenda"), {**CHOICE, "level": "2", "writes_home_address": "on"})
    written = GoogleAccount.objects.get().writes_home_address
    recorded = verbs()[-1]
    owner.post(of(cabinet, "agenda"), {**CHOICE, "level": "1", "writes_home_address": "on"})

    assert 'name="writes_home_address"' not in page
    assert "writes_home_address" in page_of_home_visits
    assert (written, recorded) == (True, "calendar.home_address.on")
    assert not GoogleAccount.objects.get().writes_home_address
    assert verbs()[-1] == "calendar.home_address.off"


def test_an_instruction_that_was_given_is_not_asked_for_again(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner, level=2)

    shown = owner.get(PAGE).text
    owner.post(of(cabinet, "agenda"), {"level": "2", "on_erasure": "delete"})

    assert "is_instructed" not in shown
    account = GoogleAccount.objects.get()
    assert (account.level, account.on_erasure) == (2, "delete")


def test_names_in_an_account_of_an_organisation_need_its_addendum(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner, kind="workspace")
    data = {**CHOICE, "level": "2"}

    refused = owner.post(of(cabinet, "agenda"), {**data, "is_instructed": "on"})
    accepted = owner.post(of(cabinet, "agenda"), {**data, "has_addendum": "on"})
    taken_back = owner.post(of(cabinet, "agenda"), data)

    assert (refused.status_code, accepted.status_code, taken_back.status_code) == (422, 302, 422)
    assert 'id="id_has_addendum_error"' in refused.text
    account = GoogleAccount.objects.get()
    assert (account.level, account.has_addendum) == (2, True)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"level": "3", "on_erasure": "keep"},
        {"level": "-1", "on_erasure": "keep"},
        {"level": "zéro", "on_erasure": "keep"},
        {"level": "1", "on_erasure": "brûler"},
        {"level": "1", "on_erasure": "\x00"},
    ],
)
def test_what_cannot_be_chosen_is_said_beside_its_field(
    owner: Client, cabinet: Cabinet, data: dict[str, str]
) -> None:
    make_link(cabinet.practitioner)

    answer = owner.post(of(cabinet, "agenda"), data)

    assert answer.status_code == 422
    assert "à corriger" in answer.text
    account = GoogleAccount.objects.get()
    assert (account.level, account.on_erasure) == (1, "keep")


def test_a_practice_may_close_while_a_link_is_lost(owner: Client, cabinet: Cabinet) -> None:
    make_link(cabinet.practitioner)
    owner.post(of(cabinet, "agenda"), {**CHOICE, "closes_when_lost": "on"})
    GoogleAccount.objects.update(state="reconnect")

    shown = owner.get(PAGE).text

    assert GoogleAccount.objects.get().closes_when_lost is True
    assert "est fermée, comme vous l’avez choisi" in shown


# --- Differences ---------------------------------------------------------------------------------------------
@pytest.fixture
def moved(cabinet: Cabinet) -> Appointment:
    """Return an appointment that was moved in Google."""
    appointment = make_appointment(cabinet, FRIDAY)
    make_entry(appointment, make_link(cabinet.practitioner), state="moved")
    return appointment


def test_what_was_moved_in_google_is_shown_with_two_answers(
    owner: Client, moved: Appointment
) -> None:
    shown = owner.get(PAGE).text.replace("\u00a0", " ")

    assert "1 rendez-vous attend votre décision" in shown
    assert "vendredi 13 novembre à 14 h, Camille Spécimen" in shown
    assert "Déplacé dans Google Agenda." in shown
    assert "Rien n’a changé pour les personnes" in shown
    assert "Remettre comme dans lib-rdv" in shown
    assert "Reprendre l’heure de Google et prévenir la personne" in shown


def test_what_was_deleted_in_google_is_put_back_or_cancelled_by_hand(
    owner: Client, moved: Appointment
) -> None:
    CalendarEntry.objects.update(state="deleted")

    shown = owner.get(PAGE).text

    assert "Supprimé dans Google Agenda." in shown
    assert "Reprendre l’heure" not in shown
    assert reverse("dashboard:cancel", args=[moved.ref]) in shown


def test_a_conflict_is_the_practitioners_to_solve(owner: Client, moved: Appointment) -> None:
    CalendarEntry.objects.update(state="written", has_conflict=True)

    shown = owner.get(PAGE).text

    assert "Un autre événement de votre agenda est au même moment." in shown
    assert reverse("dashboard:move", args=[moved.ref]) in shown
    assert "Remettre comme" not in shown


def test_putting_it_back_writes_the_event_again(owner: Client, moved: Appointment) -> None:
    CalendarEntry.objects.update(answer="taken")

    owner.post(page("decide", moved.ref), {"action": "restore"})

    entry = CalendarEntry.objects.get()
    assert (entry.state, entry.version, entry.answer) == ("pending", 2, "")
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_PUSH, payload__version=2).count() == 1
    assert verbs()[-1] == "calendar.restored"


def test_taking_the_hour_over_is_a_workers_and_moves_nothing_yet(
    owner: Client, moved: Appointment
) -> None:
    answer = owner.post(page("decide", moved.ref), {"action": "adopt"}, follow=True)

    shown = answer.content.decode()
    assert CalendarEntry.objects.get().answer == "asked"
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_ADOPT).count() == 1
    assert Appointment.objects.get().starts_at == FRIDAY
    assert "lib-rdv lit l’heure dans Google Agenda" in shown
    assert "Reprendre l’heure" not in shown
    assert verbs()[-1] == "calendar.adopted"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("taken", "Cette heure est prise par un autre rendez-vous."),
        ("beyond", "Cette date est trop lointaine"),
        ("cancelled", "Le rendez-vous est annulé entre-temps."),
        ("changed", "Le rendez-vous a changé entre-temps."),
        ("length", "de 5 minutes à 12 heures"),
        ("closed", "suspendus pour le moment"),
        ("unreadable", "n’a pas pu être lue dans Google Agenda"),
        ("refused", "Cette heure n’a pas pu être reprise."),
        ("KeyError", "Cette heure n’a pas pu être reprise."),
    ],
)
def test_each_answer_has_its_sentence(
    owner: Client, moved: Appointment, code: str, sentence: str
) -> None:
    CalendarEntry.objects.update(answer=code)

    shown = owner.get(PAGE).text

    assert sentence in shown
    assert "Reprendre l’heure" in shown


def test_a_decision_that_comes_too_late_changes_nothing(owner: Client, moved: Appointment) -> None:
    CalendarEntry.objects.update(state="deleted")
    taken = owner.post(page("decide", moved.ref), {"action": "adopt"}, follow=True)
    CalendarEntry.objects.update(state="written")
    put_back = owner.post(page("decide", moved.ref), {"action": "restore"}, follow=True)

    assert "Ce n’est plus différent" in taken.content.decode()
    assert "Ce n’est plus différent" in put_back.content.decode()
    assert CalendarEntry.objects.get().version == 1
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_ADOPT).count() == 0


def test_nothing_is_decided_of_a_calendar_that_cannot_be_reached(
    owner: Client, moved: Appointment
) -> None:
    GoogleAccount.objects.update(state="reconnect")

    shown = owner.get(PAGE).text
    answer = owner.post(page("decide", moved.ref), {"action": "restore"}, follow=True)

    assert "une fois le compte reconnecté" in shown
    assert "Remettre comme" not in shown
    assert "Reconnectez d’abord ce compte." in answer.content.decode()
    assert CalendarEntry.objects.get().state == "moved"


@pytest.mark.parametrize("action", ["", "annuler", "\x00"])
def test_an_answer_that_is_none_is_not_found(
    owner: Client, moved: Appointment, action: str
) -> None:
    assert owner.post(page("decide", moved.ref), {"action": action}).status_code == 404
    assert owner.post(page("decide", uuid.uuid4()), {"action": "restore"}).status_code == 404


@pytest.mark.parametrize(
    ("fields", "badge"),
    [
        ({"state": "moved"}, "Différent dans Google"),
        ({"state": "deleted"}, "Différent dans Google"),
        ({"state": "written", "has_conflict": True}, "Conflit"),
        ({"state": "moved", "has_conflict": True}, "Différent dans Google"),
        ({"state": "written"}, ""),
    ],
)
def test_a_badge_says_so_on_the_day_and_on_the_panel(
    owner: Client, moved: Appointment, fields: dict[str, Any], badge: str
) -> None:
    CalendarEntry.objects.update(**fields)

    day = owner.get(reverse("dashboard:today"), {"jour": "2026-11-13"}).text
    panel = owner.get(reverse("dashboard:appointment", args=[moved.ref])).text
    beside = owner.get(reverse("dashboard:week"), {"du": "2026-11-13", "rdv": str(moved.ref)}).text

    found = [
        next(
            (label for label in ("Différent dans Google", "Conflit") if f" {label}</span>" in text),
            "",
        )
        for text in (day, panel, beside)
    ]
    assert found == [badge] * 3


def test_a_visit_that_is_over_has_no_badge(cabinet: Cabinet, owner: Client) -> None:
    past = make_appointment(cabinet, NOW - timedelta(hours=1), now=NOW - timedelta(days=2))
    make_entry(past, make_link(cabinet.practitioner), state="moved")

    assert "Différent dans Google" not in owner.get(reverse("dashboard:today")).text


def test_differences_cost_the_same_however_many_they_are(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    account = make_link(cabinet.practitioner)
    owner.get(PAGE)  # fills the caches
    costs = []
    for first in (0, 3):
        for number in range(first, first + 3):
            appointment = make_appointment(cabinet, FRIDAY + timedelta(days=7, hours=-number))
            make_entry(appointment, account, state="moved")
            CalendarTask.objects.create(appointment=appointment, kind="erase", created_at=NOW)
        with count_queries() as queries:
            owner.get(PAGE)
        costs.append(len(queries))

    assert costs[0] == costs[1]


# --- Tasks ---------------------------------------------------------------------------------------------------
@pytest.fixture
def to_call(cabinet: Cabinet) -> CalendarTask:
    """Return the task to call a person that only the calendar still names."""
    person = make_person(first_name="Lou", last_name="Gabarit")
    appointment = make_appointment(cabinet, FRIDAY, person=person)
    make_entry(appointment, make_link(cabinet.practitioner, level=2), level=2, is_held_back=True)
    PatientContact.objects.all().delete()
    Appointment.objects.update(
        status=Appointment.Status.CANCELLED_BY_PRACTITIONER, cancelled_at=NOW, erased_at=NOW
    )
    return CalendarTask.objects.create(appointment=appointment, kind="call", created_at=NOW)


def test_a_call_that_is_left_to_do_is_shown_here_and_today(
    owner: Client, to_call: CalendarTask
) -> None:
    for address in (PAGE, reverse("dashboard:today")):
        shown = owner.get(address).text.replace("\u00a0", " ")

        assert "À faire vous-même" in shown
        assert "vendredi 13 novembre à 14 h" in shown
        assert "seul votre agenda Google sait encore comment la joindre" in shown
        assert "Gabarit" not in shown


def test_after_the_call_the_event_is_deleted(owner: Client, to_call: CalendarTask) -> None:
    answer = owner.post(page("complete_task", to_call.ref), {"return_to": "today"})
    again = owner.post(page("complete_task", to_call.ref), follow=True)

    assert answer["Location"] == reverse("dashboard:today")
    entry = CalendarEntry.objects.get()
    assert (entry.is_held_back, entry.version) == (False, 2)
    assert CalendarTask.objects.get().completed_at == NOW
    assert "C’était déjà noté." in again.content.decode()
    assert verbs().count("calendar.notified") == 1
    assert "À faire vous-même" not in owner.get(PAGE).text


def test_a_task_to_erase_an_event_can_be_completed(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, FRIDAY)
    task = CalendarTask.objects.create(appointment=appointment, kind="erase", created_at=NOW)

    shown = owner.get(PAGE).text
    owner.post(page("complete_task", task.ref))

    assert "Effacez ce rendez-vous dans Google Agenda" in shown
    assert CalendarTask.objects.get().completed_at == NOW
    assert verbs()[-1] == "calendar.erased_by_hand"


@pytest.fixture
def to_erase(cabinet: Cabinet) -> CalendarTask:
    """Return the task to erase an event that an erasure left in a linked calendar."""
    appointment = make_appointment(cabinet, NOW - timedelta(hours=2), now=NOW - timedelta(days=2))
    make_entry(appointment, make_link(cabinet.practitioner, level=2), level=2, state="refused")
    Appointment.objects.update(erased_at=NOW)
    return CalendarTask.objects.create(appointment=appointment, kind="erase", created_at=NOW)


@pytest.mark.parametrize("came_from", ["", "today", "appointment"])
def test_lib_rdv_deletes_what_an_erasure_left_by_one_click(
    owner: Client, to_erase: CalendarTask, came_from: str
) -> None:
    ref = to_erase.appointment.ref
    panel = reverse("dashboard:appointment", args=[ref])
    where = {"": PAGE, "today": reverse("dashboard:today"), "appointment": panel}[came_from]
    shown = owner.get(where).text

    answer = owner.post(page("delete_event", ref), {"return_to": came_from})
    asked, again = owner.get(where).text, owner.post(page("delete_event", ref), follow=True).text

    assert "Supprimer l’événement de Google Agenda" in shown
    assert page("delete_event", ref) in shown
    assert answer.status_code == 302
    assert "Sa suppression dans Google Agenda est demandée." in asked
    assert page("delete_event", ref) not in asked
    assert "ou c’est déjà demandé" in again
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_PUSH, state="pending").exists()
    assert verbs().count("calendar.event_deleted") == 1


def test_what_the_practitioner_keeps_is_noted(owner: Client, to_erase: CalendarTask) -> None:
    shown = owner.get(PAGE).text

    owner.post(page("complete_task", to_erase.ref), {"action": "keep"})

    assert "Je l’ai effacé moi-même" in shown
    assert "Je le garde" in shown
    to_erase.refresh_from_db()
    assert to_erase.completed_at == NOW
    assert verbs()[-1] == "calendar.kept"


def test_the_page_of_a_visit_to_come_offers_the_deletion_for_afterwards(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, FRIDAY)
    make_entry(appointment, make_link(cabinet.practitioner, level=2), level=2)
    panel = reverse("dashboard:appointment", args=[appointment.ref])
    before = owner.get(panel).text
    owner.post(reverse("dashboard:erase", args=[appointment.ref]))

    after = owner.get(panel).text
    owner.post(page("delete_event", appointment.ref))

    assert "Supprimer l’événement" not in before
    assert "Supprimer l’événement de Google Agenda après le rendez-vous" in after
    assert CalendarEntry.objects.get().cleanup == "delete"


def test_where_lib_rdv_reaches_no_more_only_the_hand_is_left(
    owner: Client, to_erase: CalendarTask
) -> None:
    GoogleAccount.objects.update(state="reconnect")

    shown = owner.get(PAGE).text

    assert "Supprimer l’événement" not in shown
    assert "Je l’ai effacé moi-même" in shown


def test_a_secretary_may_call_but_not_delete_an_event_in_the_account_of_another(
    cabinet: Cabinet, to_call: CalendarTask, host: str
) -> None:
    erase = CalendarTask.objects.create(
        appointment=to_call.appointment, kind="erase", created_at=NOW
    )
    secretary = browser(host, make_member(Role.SECRETARY))

    shown = secretary.get(reverse("dashboard:today")).text

    assert "Appelez la personne" in shown
    assert "Effacez ce rendez-vous" not in shown
    assert secretary.post(page("complete_task", erase.ref)).status_code == 403
    assert (
        secretary.post(page("complete_task", to_call.ref), {"return_to": "today"}).status_code
        == 302
    )


# --- Lost ----------------------------------------------------------------------------------------------------
def test_a_lost_link_is_said_here_today_and_beside_the_week(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner, state="reconnect", last_error="invalid_grant")

    here = owner.get(PAGE).text
    today, week = (owner.get(reverse(f"dashboard:{name}")).text for name in ("today", "week"))

    assert "Ce compte est à reconnecter." in here
    assert "Reconnecter Google Agenda" in here
    for shown in (today, week):
        assert "Google Agenda de Maite Exemple\u00a0: à reconnecter." in shown
        assert of(cabinet, "agenda") in shown


def test_a_secretary_sees_whom_to_notify_of_a_lost_link(cabinet: Cabinet, host: str) -> None:
    make_link(cabinet.practitioner, state="reconnect")
    secretary = browser(host, make_member(Role.SECRETARY))

    shown = secretary.get(reverse("dashboard:today")).text

    assert "elle seule peut le faire" in shown
    assert of(cabinet, "agenda") not in shown


def test_reconnecting_asks_google_again(owner: Client, cabinet: Cabinet) -> None:
    make_link(cabinet.practitioner, state="reconnect")

    assert asked(owner, cabinet)["prompt"] == ["consent"]


# --- Disconnecting -----------------------------------------------------------------------------------------------
def test_the_disconnection_page_says_what_is_lost_and_preselects_nothing(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner)

    shown = owner.get(of(cabinet, "disconnect")).text

    assert "on pourra réserver pendant vos autres engagements" in shown
    assert "rien n’est annulé, personne n’est prévenu" in shown
    assert shown.count('type="radio"') == 3
    assert "checked" not in shown


@pytest.mark.parametrize("end", ["keep", "empty", "delete"])
def test_a_disconnection_stops_all_use_and_enqueues_the_rest(
    owner: Client, cabinet: Cabinet, end: str
) -> None:
    account = make_link(cabinet.practitioner)

    answer = owner.post(of(cabinet, "disconnect"), {"on_disconnect": end}, follow=True)

    account.refresh_from_db()
    assert (account.state, account.on_disconnect) == ("leaving", end)
    assert OutboxEntry.objects.filter(kind=kinds.CALENDAR_DISCONNECT).count() == 1
    assert "Déconnexion en cours" in answer.content.decode()
    assert owner.get(of(cabinet, "state")).status_code == 204
    assert verbs()[-1] == "calendar.disconnected"


def test_while_a_link_ends_it_cannot_be_changed_or_made_again(
    owner: Client, cabinet: Cabinet
) -> None:
    make_link(cabinet.practitioner, state="leaving")

    connect = owner.post(of(cabinet, "connect"), follow=True)
    others = [owner.post(of(cabinet, name), CHOICE) for name in ("agenda", "resync", "disconnect")]

    assert "La déconnexion se termine" in connect.content.decode()
    assert [other.status_code for other in others] == [404] * 3
    assert Authorization.objects.count() == 0


@pytest.mark.parametrize("data", [{}, {"on_disconnect": "burn"}, {"on_disconnect": "\x00"}])
def test_the_disconnection_page_requires_a_choice_for_the_calendar(
    owner: Client, cabinet: Cabinet, data: dict[str, str]
) -> None:
    account = make_link(cabinet.practitioner)

    answer = owner.post(of(cabinet, "disconnect"), data)

    account.refresh_from_db()
    assert answer.status_code == 422
    assert "Choisissez ce que devient l’agenda." in answer.text
    assert account.state == "connected"


def test_the_form_offers_only_what_a_lost_link_can_do(owner: Client, cabinet: Cabinet) -> None:
    account = make_link(cabinet.practitioner, state="reconnect")

    shown = owner.get(of(cabinet, "disconnect")).text
    refused = owner.post(of(cabinet, "disconnect"), {"on_disconnect": "delete"})
    kept = owner.post(of(cabinet, "disconnect"), {"on_disconnect": "keep"})

    account.refresh_from_db()
    assert "ne peut qu’y rester" in shown
    assert shown.count('type="radio"') == 1
    assert (refused.status_code, kept.status_code) == (422, 302)
    assert account.state == "leaving"


# --- Whose ---------------------------------------------------------------------------------------------------
@pytest.fixture
def colleague(cabinet: Cabinet) -> Practitioner:
    """Return the practitioner of a second agenda."""
    other = make_practitioner("Hugo Fictif", position=1)
    make_type([other], [cabinet.location], label="Bilan")
    make_hours(other, cabinet.location)
    return other


def test_an_owner_sees_the_status_of_each_agenda(
    owner: Client, cabinet: Cabinet, colleague: Practitioner, count_queries: Callable[[], Any]
) -> None:
    account = make_link(cabinet.practitioner)
    make_entry(make_appointment(cabinet, FRIDAY), account, state="moved")
    owner.get(PAGE)  # fills the caches
    with count_queries() as few:
        shown = owner.get(PAGE).text
    for number in range(5):
        make_link(make_practitioner(f"Praticien {number}", position=number + 2))
    with count_queries() as many:
        owner.get(PAGE)

    assert "Tout fonctionne" in shown
    assert "1 rendez-vous attend votre décision." in shown
    assert "Pas connecté." in shown
    assert page("agenda", colleague.ref) in shown
    assert len(few) == len(many)


def test_a_practitioner_sees_and_changes_their_own_link_only(
    cabinet: Cabinet, colleague: Practitioner, host: str
) -> None:
    user = make_member(Role.PRACTITIONER)
    colleague.user = user
    colleague.save(update_fields=["user"])
    account = make_link(cabinet.practitioner)
    appointment = make_appointment(cabinet, FRIDAY)
    make_entry(appointment, account, state="moved")
    task = CalendarTask.objects.create(appointment=appointment, kind="erase", created_at=NOW)
    client = browser(host, user)

    own = client.get(PAGE)
    reads = [client.get(of(cabinet, name)) for name in ("agenda", "state", "disconnect")]
    posts = [
        client.post(of(cabinet, name), {"on_disconnect": "delete", **CHOICE})
        for name in ("agenda", "connect", "resync", "disconnect")
    ]
    decided = client.post(page("decide", appointment.ref), {"action": "restore"})
    ticked = client.post(page("complete_task", task.ref))

    assert "Connecter Google Agenda" in own.text
    assert "Maite Exemple</" not in own.text.partition("<main")[2]
    assert {response.status_code for response in [*reads, *posts, decided, ticked]} == {404}
    account.refresh_from_db()
    assert (account.state, CalendarEntry.objects.get().state) == ("connected", "moved")


def test_the_bar_leads_practitioners_there_and_owners_by_the_settings(
    owner: Client, cabinet: Cabinet, colleague: Practitioner, host: str
) -> None:
    user = make_member(Role.PRACTITIONER)
    colleague.user = user
    colleague.save(update_fields=["user"])

    of_practitioner = browser(host, user).get(reverse("dashboard:today")).text
    of_owner = owner.get(reverse("dashboard:today")).text
    settings_page = owner.get(reverse("dashboard:practice")).text

    assert f'href="{PAGE}"' in of_practitioner
    assert f'href="{PAGE}"' not in of_owner
    assert f'href="{PAGE}"' in settings_page


def test_a_practice_without_any_agenda_sees_what_to_do(owner: Client) -> None:
    Practitioner.objects.update(is_active=False)

    assert "Aucun agenda ne vous est ouvert." in owner.get(PAGE).text


def test_a_cancelled_appointment_differs_from_nothing(owner: Client, moved: Appointment) -> None:
    cancel(appointment=moved, by_patient=True, actor="patient", now=NOW)

    assert "attend votre décision" not in owner.get(PAGE).text


def test_the_guide_of_the_first_day_ends_with_a_way_here(owner: Client, settings: Settings) -> None:
    ready = reverse("dashboard:first_ready")
    with_google = owner.get(ready).text
    settings.GOOGLE_CLIENT_ID = ""
    without = owner.get(ready).text

    assert f'href="{PAGE}"' in with_google
    assert f'href="{PAGE}"' not in without
