"""Proof: whatever one visitor does in an hour, few messages leave.

Three parts. ``table``: each route that accepts POST is named below, as one that can cause a message or as one that
cannot; a new route fails. ``silent``: each POST route gets the form that its pages show, from each sender; a route
named as silent writes no message, and no view sends an e-mail itself. ``flood``: one visitor of one network
drives the routes that can cause a message, in an hour that stands still: first at one appointment, then with one
address, then at as many appointments and addresses as there are. What leaves stays within the declared bounds. The
workers deliver after each request; Redis is emptied between two routes.

Routes of members count by the declared bound of each kind that they write: a kind has rates, or says why not.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from tests.proofs import garbage
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace, wrap

PROOF = "mailflood"
PEOPLE, SHORT_PEOPLE = 90, 40
NETWORK = "198.51.100.7"

CAN_CAUSE = {
    # Patients.
    "/reserver/confirmer/": "a confirmation",
    "/rdv/%(token)s/deplacer/": "the new date",
    "/rdv/%(token)s/annuler/": "the cancellation, also to the practitioner, and an offer to a person who waits",
    "/rdv/%(token)s/coordonnees/": "a notice to the old address, a confirmation to the new one",
    "/rdv/%(token)s/effacer/": "as a cancellation",
    "/rdv/%(token)s/retard/": "the delay, to the practitioner",
    "/rdv/%(token)s/plus-tot/": "the place on the waiting list",
    "/plus-tot/": "the place on the waiting list",
    "/attente/%(token)s/": "an offer that was open goes to the next person",
    "/offre/%(token)s/": "a confirmation, or the offer to the next person",
    "/mon-rendez-vous/": "the links",
    "/mes-donnees/": "the links",
    # Accounts.
    "/mot-de-passe/oublie/": "a link",
    "/mot-de-passe/choisir/%(uidb36)s-%(key)s/": "the notice of a new password",
    "/compte/mot-de-passe/": "the notice of a new password",
    "/compte/mot-de-passe/premier/": "the notice of a new password",
    "/compte/adresse/": "a link to the new address",
    "/compte/adresse/confirmer/%(token)s/": "the notice to the old address",
    "/compte/adresse/retablir/%(token)s/": "a link to a new password",
    "/compte/securite/application/": "the notice of a second factor",
    "/compte/securite/application/retirer/": "the notice of a second factor",
    "/compte/securite/codes/nouveaux/": "the notice of new codes",
    "/compte/securite/cles/ajouter/": "the notice of a second factor",
    "/compte/securite/cles/%(pk)s/retirer/": "the notice of a second factor",
    # Members: book, move, cancel, correct, the waiting list, absences and hours that free time, the team.
    "/espace/rendez-vous/nouveau/": "a confirmation",
    "/espace/rendez-vous/%(ref)s/deplacer/": "the new date",
    "/espace/rendez-vous/%(ref)s/duree/": "an offer of the time that becomes free",
    "/espace/rendez-vous/%(ref)s/renvoyer/": "a message again",
    "/espace/rendez-vous/%(ref)s/annuler/": "the cancellation",
    "/espace/rendez-vous/%(ref)s/coordonnees/": "a notice to the old address, a confirmation to the new one",
    "/espace/rendez-vous/%(ref)s/effacer/": "the cancellation",
    "/espace/messages/%(ref)s/renvoyer/": "a message again",
    "/espace/attente/ajouter/": "the place on the waiting list",
    "/espace/attente/%(ref)s/proposer/": "an offer",
    "/espace/attente/%(ref)s/retirer/": "an offer that was open goes to the next person",
    "/espace/attente/offres/%(ref)s/": "a confirmation, or the offer to the next person",
    "/espace/absences/%(ref)s/retirer/": "an offer of the time that becomes free",
    "/espace/horaires/%(practitioner_ref)s/semaine/": "an offer of the time that becomes free",
    "/espace/horaires/%(practitioner_ref)s/semaine/%(week)s/": "an offer of the time that becomes free",
    "/espace/horaires/%(practitioner_ref)s/jour/": "an offer of the time that becomes free",
    "/espace/horaires/%(practitioner_ref)s/jour/%(exception)s/retirer/": "an offer of the time that becomes free",
    "/espace/premier-jour/ouvrir/": "the notice that the practice is online",
    "/espace/equipe/inviter/": "an invitation",
    "/espace/equipe/invitations/%(ref)s/": "an invitation again",
    "/espace/equipe/remplacements/nouveau/": "an invitation",
    "/espace/equipe/%(ref)s/fermer/": "the visits of who leaves, to their patients",
    "/espace/equipe/agendas/%(ref)s/changer/": "the visits of an agenda that changes hands",
    "/espace/google/differences/%(ref)s/": "the new date",
    # lib-rdv's staff.
    "/bureau/clients/nouveau/": "an invitation",
    "/bureau/clients/%(ref)s/acte/": "an invitation, or the notice of a new state",
    "/bureau/clients/%(ref)s/suspendre/": "the notice of a suspension",
    "/bon-de-commande/%(token)s/": "the signed order to its signatory, once",
    "/bureau/commandes/%(ref)s/acte/": "the link to sign, once a minute",
    "/bureau/factures/%(ref)s/envoyer/": "the document to its client, once a minute",
    "/bureau/factures/brouillons/%(ref)s/emettre/": "the document to its client, once",
}
"""The routes that can cause a message, by template, and the message."""
SILENT = {
    "/bon-de-commande/%(token)s/retractation/",
    "/bureau/catalogue/nouveau/",
    "/bureau/catalogue/produits/%(code)s/nom/",
    "/bureau/catalogue/produits/%(code)s/offre/",
    "/bureau/catalogue/produits/%(code)s/prix/",
    "/bureau/clients/%(ref)s/corriger/",
    "/bureau/clients/%(ref)s/demande/",
    "/bureau/clients/%(ref)s/dossier/",
    "/bureau/commandes/nouveau/%(client_ref)s/",
    "/bureau/dossiers/%(ref)s/identite/",
    "/bureau/dossiers/%(ref)s/territoire/",
    "/bureau/dossiers/nouveau/",
    "/bureau/factures/%(ref)s/avoir/",
    "/bureau/factures/%(ref)s/paiement/",
    "/bureau/factures/brouillons/%(ref)s/lignes/",
    "/bureau/factures/brouillons/%(ref)s/supprimer/",
    "/bureau/factures/echeances/",
    "/bureau/factures/nouveau/%(ref)s/",
    "/bureau/vendeur/changer/",
    "/bureau/vendeur/taux/",
    "/compte/adresse/abandonner/",
    "/compte/profil/",
    "/compte/securite/cles/%(pk)s/",
    "/compte/securite/codes/fichier/",
    "/compte/sessions/%(ref)s/fermer/",
    "/compte/sessions/fermer/",
    "/connexion/",
    "/connexion/cle/",
    "/connexion/code/",
    "/connexion/confirmer/",
    "/connexion/confirmer/cle/",
    "/connexion/confirmer/code/",
    "/deconnexion/",
    "/espace/absences/nouvelle/",
    "/espace/attente/%(ref)s/ordre/",
    "/espace/bloquer/",
    "/espace/confidentialite/",
    "/espace/equipe/%(ref)s/changer/",
    "/espace/equipe/agendas/%(ref)s/",
    "/espace/equipe/agendas/nouveau/",
    "/espace/equipe/remplacements/%(ref)s/retirer/",
    "/espace/flux/%(practitioner_ref)s/",
    "/espace/google/%(practitioner_ref)s/",
    "/espace/google/%(practitioner_ref)s/connecter/",
    "/espace/google/%(practitioner_ref)s/deconnecter/",
    "/espace/google/%(practitioner_ref)s/resynchroniser/",
    "/espace/google/effacements/%(ref)s/",
    "/espace/google/taches/%(ref)s/",
    "/espace/horaires/%(practitioner_ref)s/jour/fermer/",
    "/espace/horaires/%(practitioner_ref)s/semaine/%(week)s/retirer/",
    "/espace/horaires/feries/%(place)s/",
    "/espace/lieux/%(ref)s/",
    "/espace/lieux/%(ref)s/archives/",
    "/espace/lieux/adresse/",
    "/espace/lieux/nouveau/",
    "/espace/lieux/ordre/",
    "/espace/messages/resume/",
    "/espace/messages/textes/%(kind)s/",
    "/espace/motifs/%(ref)s/",
    "/espace/motifs/%(ref)s/ordre/",
    "/espace/motifs/modeles/",
    "/espace/motifs/nouveau/",
    "/espace/motifs/ordre/",
    "/espace/premier-jour/horaires/",
    "/espace/premier-jour/identite/",
    "/espace/premier-jour/lieu/",
    "/espace/premier-jour/motifs/",
    "/espace/premier-jour/profession/",
    "/espace/reglages/",
    "/espace/reglages/identite/",
    "/espace/rendez-vous/%(ref)s/appel/",
    "/espace/rendez-vous/%(ref)s/marquer/",
    "/espace/semaine/vue/",
    "/espace/site/couleur/",
    "/espace/site/praticien/%(practitioner_ref)s/",
    "/espace/site/publier/",
    "/espace/site/questionnaire/",
    "/espace/site/retirer/",
    "/espace/site/texte/%(part)s/",
    "/espace/site/visuel/%(kind)s/",
    "/espace/vu/",
    "/google/signal/%(schema)s/",
    "/invitation/%(token)s/",
    "/rdv/%(token)s/donnees/",
    "/rdv/%(token)s/sans-rappel/",
    "/reserver/",
    "/reserver/changer/",
}
"""The routes that accept POST and cause no message."""


# --- Guards -----------------------------------------------------------------------------------------------


def _without(scope: str) -> Callable[[], None]:
    def remove() -> None:
        from tenants.outbox import message_limits

        def around(call: Callable[..., Any], arguments: Any) -> Any:
            kept = {key: rate for key, rate in arguments["keys"].items() if rate.scope != scope}
            return call(keys=kept) if kept else True

        wrap(message_limits, "_count", around, uses=("keys",))

    return remove


def _links_without_networks() -> None:
    from tenants.accounts import network_tries

    replace(network_tries, "may_request_link", lambda request, *, email, now: True)


def _without_budget() -> None:
    from booking.notifications import sms_budget

    replace(sms_budget, "take", lambda *, entry, now: True)


GUARDS: dict[str, Guard] = {
    "appointment": Guard("few messages about one appointment", process=_without("subject")),
    "address": Guard("few messages to one address", process=_without("recipient")),
    "network": Guard("few messages by one network", process=_without("network")),
    "practice": Guard("few messages of one practice", process=_without("practice")),
    "account_pages": Guard(
        "few password links asked by one network", process=_links_without_networks
    ),
    "sms_budget": Guard("few SMS of one practice in a month", process=_without_budget),
}


# --- The practice that is flooded -------------------------------------------------------------------------


@dataclass
class FloodedPractice:
    """A practice whose agendas have one appointment each, all of them known to the visitor.

    ``far`` and ``near`` are manage tokens; the first twelve of each have one address, the others one each.
    """

    unit: Any
    host: str
    now: datetime
    cabinet: Any = None
    practitioners: list[Any] = field(default_factory=list)
    far: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    days: int = 20

    def fill(self, people: int) -> None:
        """Create the agendas, the appointments and the accounts."""
        from tenants.accounts.models import Role
        from tenants.schema import inside
        from tests import factories
        from tests.accounts import make_member

        with inside(self.unit):
            self.cabinet = factories.Cabinet()
            self.owner = make_member(Role.OWNER, "owner@example.org")
            for number in range(people):
                made = factories.make_practitioner(f"Praticien {number}")
                factories.make_hours(made, self.cabinet.location)
                made.user = make_member(Role.PRACTITIONER, f"member{number}@example.org")
                made.save(update_fields=["user"])
                self.practitioners.append(made)
                self.emails.append(f"victim{0 if number < SAME_ADDRESS else number}@example.org")
            self.cabinet.type.practitioners.add(*self.practitioners)
        self.book_all()

    def book_all(self) -> None:
        """Book a visit in each agenda, on another day each time; none of their messages counts."""
        from tenants.schema import inside

        with inside(self.unit):
            self.days += 1
            self.far = self._book(timedelta(days=self.days))
            if not self.near:
                self.near = self._book(timedelta(hours=2))
        self.deliver()

    def _book(self, after: timedelta) -> list[str]:
        import uuid

        from booking.appointments.book import book_by_staff
        from booking.patients.links import manage_token
        from tests.factories import make_person

        tokens = []
        for made, email in zip(self.practitioners, self.emails, strict=True):
            booked = book_by_staff(
                selection=self.cabinet.selection(self.now + after, practitioner_id=made.pk),
                form_ref=uuid.uuid4(),
                person=make_person(email=email),
                actor="system",
                now=self.now,
            )
            tokens.append(manage_token(booked))
        return tokens

    def offer(self) -> list[str]:
        """Put each person on the waiting list and offer them a slot; return the paths of the offers."""
        import uuid

        from booking.models import WaitingEntry
        from booking.waiting_list import offers, waiting_entries
        from tenants.schema import inside
        from tests.factories import make_person

        paths = []
        with inside(self.unit):
            for made, email in zip(self.practitioners, self.emails, strict=True):
                entry = waiting_entries.join(
                    wish=waiting_entries.Wish(self.cabinet.type, self.cabinet.location, made),
                    person=make_person(email=email),
                    form_ref=uuid.uuid4(),
                    origin=WaitingEntry.EntryOrigin.STAFF,
                    actor="system",
                    now=self.now,
                )
                selection = self.cabinet.selection(
                    self.now.replace(hour=12, minute=0) + timedelta(days=6), practitioner_id=made.pk
                )
                offer = entry and offers.offer_by_hand(
                    entry=entry, selection=selection, actor="system", now=self.now
                )
                if offer:
                    paths.append(f"/offre/{offers.link_of(offer)}/")
        self.deliver()
        return paths

    def last_entry(self) -> int:
        """Return the key of the latest entry of the outbox."""
        from tenants.outbox.models import OutboxEntry
        from tenants.schema import inside

        with inside(self.unit):
            return OutboxEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def entries_by_subject(self, *, since: int) -> Counter[tuple[str, int]]:
        """Count the entries whose kind is bounded by subject and that were not held back, by subject."""
        from tenants.outbox.delivery import registered_kinds
        from tenants.outbox.message_limits import LIMITED
        from tenants.outbox.models import OutboxEntry
        from tenants.schema import inside

        bounded = [
            kind
            for kind in registered_kinds()
            if any(rate.scope == "subject" for rate in kind.bound.by_visitor)
        ]
        with inside(self.unit):
            found = OutboxEntry.objects.filter(pk__gt=since, kind__in=bounded).exclude(
                reason=LIMITED
            )
            return Counter(found.values_list("subject_type", "subject_id"))

    def deliver(self) -> Counter[str]:
        """Deliver what is due within the hour as the workers do; return the number of e-mails by recipient."""
        from django.core import mail

        from tenants.outbox import delivery
        from tenants.outbox.models import OutboxEntry
        from tenants.schema import inside

        mail.outbox = []
        with inside(self.unit):
            due = OutboxEntry.objects.filter(
                state="pending", due_at__lte=self.now + timedelta(hours=1)
            )
            refs = list(
                due.exclude(kind__startswith="calendar")
                .order_by("pk")
                .values_list("ref", flat=True)
            )
        at = self.now + timedelta(hours=1)
        for ref in refs:
            delivery.deliver_entry(unit=self.unit, ref=ref, now=at, clock=lambda: at)
        return Counter(to for message in mail.outbox for to in message.to)


# --- What the visitor does ---------------------------------------------------------------------------------

SAME_ADDRESS = 12
"""So many people have one address; and so many times the visitor repeats an act at one appointment."""
Post = tuple[str, dict[str, str]]


def _targets(tokens: list[str]) -> list[tuple[int, str]]:
    """Return the appointments in the order of the flood: one again and again, then each."""
    return [(n, tokens[SAME_ADDRESS]) for n in range(SAME_ADDRESS)] + [
        (n, token) for n, token in enumerate(tokens) if n != SAME_ADDRESS
    ]


def _move(practice: FloodedPractice) -> Iterator[Post]:
    from booking.web.public.search import write_value

    for turn, token in _targets(practice.far):
        made = practice.practitioners[practice.far.index(token)]
        day = practice.now.replace(hour=8, minute=0) + timedelta(days=1 + turn % 3)
        slot = write_value(day, made, practice.cabinet.location)
        yield f"/rdv/{token}/deplacer/", {"slot": slot}


def _cancel(practice: FloodedPractice) -> Iterator[Post]:
    for _turn, token in _targets(practice.far):
        yield f"/rdv/{token}/annuler/", {}


def _erase(practice: FloodedPractice) -> Iterator[Post]:
    for _turn, token in _targets(practice.far):
        yield f"/rdv/{token}/effacer/", {"outcome": "cancel"}


def _correct(practice: FloodedPractice) -> Iterator[Post]:
    for turn, token in _targets(practice.far):
        email = "target@example.org" if turn % 2 else f"other{turn}@example.org"
        yield f"/rdv/{token}/coordonnees/", {"email": email, "phone": ""}


def _late(practice: FloodedPractice) -> Iterator[Post]:
    for turn, token in _targets(practice.near):
        yield f"/rdv/{token}/retard/", {"minutes": "10" if turn % 2 else "20"}


def _join_with(practice: FloodedPractice) -> Iterator[Post]:
    from booking.patients import links
    from booking.waiting_list import waiting_entries
    from tenants.schema import inside

    for _turn, token in _targets(practice.far):
        yield f"/rdv/{token}/plus-tot/", {"half": ""}
        with inside(practice.unit):
            booked = links.find_by_token(token)
            entry = waiting_entries.of_appointment(booked) if booked else None
            path = f"/attente/{waiting_entries.link_of(entry)}/" if entry else ""
        if path:
            yield path, {}


def _join(practice: FloodedPractice) -> Iterator[Post]:
    for turn in range(len(practice.far) + SAME_ADDRESS):
        yield "/plus-tot/", _form(practice, "waiting") | _person(turn) | {"half": ""}


def _book(practice: FloodedPractice) -> Iterator[Post]:
    from booking.web.public.search import write_value

    for turn in range(len(practice.far) + SAME_ADDRESS):
        made = practice.practitioners[turn % len(practice.practitioners)]
        day = practice.now.replace(hour=8, minute=0) + timedelta(days=7 + turn // len(practice.far))
        slot = write_value(day, made, practice.cabinet.location)
        of_form = {"slot": slot, "appointment_type": practice.cabinet.type.ref.hex}
        yield "/reserver/confirmer/", _form(practice, "details") | _person(turn) | of_form


def _links(path: str, *, is_reversed: bool = False) -> Callable[[FloodedPractice], Iterator[Post]]:
    def flood(practice: FloodedPractice) -> Iterator[Post]:
        # A link is sent to the same person once a day: the second route asks for others first.
        emails = practice.emails[::-1] if is_reversed else practice.emails
        for turn in range(len(practice.emails)):
            # The address of many appointments, then each person's.
            email = emails[0 if turn < SAME_ADDRESS else turn]
            yield path, _form(practice, "rights") | {"contact": email}

    return flood


def _answer(practice: FloodedPractice) -> Iterator[Post]:
    for path in practice.offer():
        yield path, {"answer": "accept"}


def _password(practice: FloodedPractice) -> Iterator[Post]:
    names = ["owner", "owner", *(f"member{number}" for number in range(len(practice.emails)))]
    for name in names:
        yield "/mot-de-passe/oublie/", {"email": f"{name}@example.org"}


def _invite(practice: FloodedPractice) -> Iterator[Post]:
    for turn in range(len(practice.emails) + SAME_ADDRESS):
        email = f"invited{0 if turn < SAME_ADDRESS else turn}@example.org"
        yield (
            "/espace/equipe/inviter/",
            {"email": email, "name": "Ane", "role": "secretary", "whole": "on"},
        )


def _new_address(practice: FloodedPractice) -> Iterator[Post]:
    from tests.accounts import PASSWORD

    for turn in range(SAME_ADDRESS):
        yield "/compte/adresse/", {"email": f"new{turn}@example.org", "password": PASSWORD}


def _form(practice: FloodedPractice, purpose: str) -> dict[str, str]:
    """Return the token of a form that was opened ten minutes ago."""
    from booking.abuse import form_token

    at = practice.now - timedelta(minutes=10)
    return {"token": form_token.issue(schema=practice.unit.schema, purpose=purpose, now=at)}


def _person(turn: int) -> dict[str, str]:
    email = f"typed{0 if turn < SAME_ADDRESS else turn}@example.org"
    return {"first_name": "Ane", "last_name": f"Factice{chr(97 + turn % 26)}", "email": email}


@dataclass(frozen=True)
class Flood:
    """What is sent to one route, and how many messages may leave in an hour: in all, and to one person."""

    send: Callable[[FloodedPractice], Iterator[Post]]
    most: int
    most_to_one: int
    is_member: bool = False


def floods() -> dict[str, Flood]:
    """Return the flood of each route that a visitor can use, with its declared bounds."""
    from tenants.accounts import network_tries
    from tenants.accounts.services import addresses, invitations
    from tenants.outbox import kinds

    network = _hourly(kinds.NETWORK_RATES)
    to_one = _hourly(kinds.RECIPIENT_RATES)
    at_practice = _hourly([r for r in kinds.TO_THE_PRACTICE.by_visitor if r.scope == "recipient"])
    return {
        "/rdv/%(token)s/deplacer/": Flood(_move, network, to_one),
        "/rdv/%(token)s/coordonnees/": Flood(_correct, network, to_one),
        "/rdv/%(token)s/plus-tot/": Flood(_join_with, network, to_one),
        "/rdv/%(token)s/retard/": Flood(_late, network, at_practice),
        "/plus-tot/": Flood(_join, network, to_one),
        "/offre/%(token)s/": Flood(_answer, network, to_one),
        "/rdv/%(token)s/annuler/": Flood(_cancel, network, to_one),
        "/rdv/%(token)s/effacer/": Flood(_erase, network, to_one),
        "/reserver/confirmer/": Flood(_book, network, to_one),
        "/mon-rendez-vous/": Flood(_links("/mon-rendez-vous/"), network, to_one),
        "/mes-donnees/": Flood(_links("/mes-donnees/", is_reversed=True), network, to_one),
        "/mot-de-passe/oublie/": Flood(
            _password, network_tries.LINK_LIMITS[0].most, network_tries.LINKS_TO_ONE.most
        ),
        "/espace/equipe/inviter/": Flood(
            _invite, invitations.MOST_A_DAY, invitations.MOST_A_DAY_TO_ONE, is_member=True
        ),
        "/compte/adresse/": Flood(
            _new_address, addresses.MOST_A_DAY, addresses.MOST_A_DAY_TO_ONE, is_member=True
        ),
    }


def _hourly(rates: Any) -> int:
    return int(min(rate.most for rate in rates if rate.seconds == 3_600))


class FloodRun:
    """One visitor, whose browser has no session, and the owner of the practice."""

    def __init__(self, practice: FloodedPractice, counter: CaseCounter) -> None:
        from tests.accounts import browser

        self.practice, self.counter = practice, counter
        self.visitor = browser(practice.host, ip=NETWORK)
        self.figures: dict[str, str] = {}

    def member(self) -> Any:
        """Return a signed-in browser of the owner."""
        from django.db import connection

        from tenants.schema import inside
        from tests.accounts import browser

        with inside(self.practice.unit):
            client = browser(self.practice.host, self.practice.owner, ip=NETWORK)
        connection.close()
        return client

    def flood(self, route: str, flood: Flood) -> None:
        """Send everything and judge what leaves."""
        if route.startswith("/rdv/"):
            self.practice.book_all()
        sent, statuses = self.send(flood)
        mails = self.judge(route, flood, sent=sent, statuses=statuses)
        # A flood that is refused at the door shows nothing about the bounds.
        self.counter.control(("something leaves", route), failed=not mails, seen=statuses)

    def send(self, flood: Flood) -> tuple[int, Counter[int]]:
        """Send the posts of a flood; return their number and the statuses."""
        client = self.member() if flood.is_member else self.visitor
        self.before = self.practice.last_entry()
        statuses: Counter[int] = Counter()
        self.mails: Counter[str] = Counter()
        for path, fields in flood.send(self.practice):
            answer = client.post(path, fields)
            statuses[answer.status_code] += 1
            self.mails += self.practice.deliver()
        return sum(statuses.values()), statuses

    def judge(self, route: str, flood: Flood, *, sent: int, statuses: Counter[int]) -> Counter[str]:
        """Count what left since ``send`` began: entries by subject and in all, and e-mails by recipient."""
        by_subject = self.practice.entries_by_subject(since=self.before)
        mails = self.mails
        total, to_one = sum(mails.values()), max(mails.values(), default=0)
        about_one = max(by_subject.values(), default=0)
        seen = f"{total} to {len(mails)}, {to_one} to one, {about_one} about one, of {sent} posts {dict(statuses)}"
        self.figures[route] = seen
        bound = _subject_bound()
        self.counter.count("total", (route,), failed=total > flood.most, seen=seen)
        self.counter.count("to one", (route,), failed=to_one > flood.most_to_one, seen=seen)
        self.counter.count("about one", (route,), failed=about_one > bound, seen=seen)
        self.counter.count(
            "no error", (route,), failed=any(code >= 500 for code in statuses), seen=seen
        )
        return mails


def _subject_bound() -> int:
    from tenants.outbox import kinds

    return _hourly(kinds.SUBJECT_RATES)


# --- Parts ------------------------------------------------------------------------------------------------


class TableRun:
    """Each route that accepts POST, driven once for each sender with the form that its pages show."""

    def __init__(self, environment: ProofEnvironment, counter: CaseCounter, *, short: bool) -> None:
        self.environment, self.counter = environment, counter
        with time_machine.travel(datetime.now(UTC) - timedelta(minutes=2), tick=True):
            self.garbage = garbage._prepare(environment)
            if short:
                kept = {"visitor", "owner", "visitor of lib-rdv", "staff", "visitor from Google"}
                self.garbage.senders = [
                    sender for sender in self.garbage.senders if sender.name in kept
                ]
            self.targets = self.garbage.targets()
        self.schemas = [
            name
            for (name,) in environment.owner(
                "SELECT schemaname FROM pg_tables WHERE tablename = 'outbox_outboxentry'"
            )
        ]
        self.messages = _message_kinds()
        self.accepting: set[str] = set()
        self.accepted: set[str] = set()

    def drive(self) -> None:
        """Send the forms and judge each route."""
        from django.core import mail

        written = self._entries()
        for target in self.targets:
            if target.template in CAN_CAUSE and target.template in self.accepting:
                continue
            self.environment.flush_redis()
            mail.outbox = []
            status = self._post(target)
            if status in {403, 405} or status == 0:
                continue
            self.accepting.add(target.template)
            before, written = written, self._entries()
            if target.template in SILENT:
                seen = sorted({kind for _schema, _id, kind in written - before} & self.messages)
                self.counter.count(
                    "silent", (target.sender.name, target.template), failed=bool(seen), seen=seen
                )
                if status < 400:
                    self.accepted.add(target.template)
            # A view that sends an e-mail itself is bounded by nothing.
            self.counter.count(
                "not sent by a view",
                (target.sender.name, target.template),
                failed=bool(mail.outbox),
                seen=len(mail.outbox),
            )
        named = CAN_CAUSE.keys() | SILENT
        for template in sorted(self.accepting | named):
            self.counter.count(
                "named",
                (template,),
                failed=template not in named or template not in self.accepting,
                seen="not named" if template not in named else "no such route",
            )
        # The routes of staff need clients and documents, which their own tests make.
        tried = {template for template in SILENT if not template.startswith("/bureau/")}
        share = len(self.accepted & tried) / len(tried)
        self.counter.control(("silent routes do something",), failed=share < SHARE, seen=share)

    def _post(self, target: Any) -> int:
        """Send the form to the first object that the route knows; return the status, 0 when sign-in is asked."""
        client = self.garbage.browser(target.sender)
        body = garbage._encoded(target.fields)
        status = 404
        for path in target.paths:
            answer = self.garbage.send(client, garbage.GarbageInput("POST", path, body=body))
            status = answer.status_code
            if status != 404:
                break
        is_sent_away = status == 302 and answer["Location"].startswith("/connexion/?next=")
        return 0 if is_sent_away else int(status)

    def _entries(self) -> set[tuple[str, int, str]]:
        return {
            (schema, key, kind)
            for schema in self.schemas
            for key, kind in self.environment.owner(
                f'SELECT id, kind FROM "{schema}".outbox_outboxentry'
            )
        }


SHARE = 0.6
"""The share of the silent routes that must have accepted a form: a refused form shows less."""


def _message_kinds() -> set[str]:
    """Return the kinds by which somebody receives a message."""
    from tenants.outbox.delivery import registered_kinds
    from tenants.outbox.kinds import NO_MESSAGE

    return {str(kind) for kind in registered_kinds() if kind.bound != NO_MESSAGE}


def _bounds_are_declared(counter: CaseCounter) -> None:
    """Count each kind of message: it has rates, or says why it needs none."""
    from tenants.outbox.delivery import registered_kinds

    for kind in registered_kinds():
        bound = kind.bound
        scopes = {rate.scope for rate in bound.by_visitor}
        is_bounded = {"network", "practice"} <= scopes if scopes else bool(bound.reason)
        counter.count("declared", (str(kind),), failed=not is_bounded, seen=sorted(scopes))


def _from_many_networks(practice: FloodedPractice, counter: CaseCounter) -> str:
    """Write messages as visitors of many networks cause them: what leaves stays under the practice's rate."""
    from booking.rules import kinds
    from tenants.outbox import message_limits
    from tenants.outbox.kinds import PRACTICE_RATE, Subject
    from tenants.outbox.payloads import NO_PAYLOAD
    from tenants.outbox.services import Due, is_limited, write
    from tenants.schema import inside

    left = 0
    with inside(practice.unit):
        for number in range(PRACTICE_RATE.most + 100):
            with message_limits.by_visitor(f"10.{number // 250}.{number % 250}.0/24"):
                subject = Subject("appointment", 1_000_000 + number)
                due = Due(
                    kinds.MANAGE_LINKS, subject, NO_PAYLOAD, practice.now, recipient=f"{number}"
                )
                left += not is_limited(write(due=[due], now=practice.now))
    counter.count("practice", ("many networks",), failed=left > PRACTICE_RATE.most, seen=left)
    return f"{left} of {PRACTICE_RATE.most + 100}"


SMS_BUDGET, SMS_ASKED = 5, 12


def _sms(practice: FloodedPractice, counter: CaseCounter) -> str:
    """Book for people without an e-mail: the SMS that leave stay within the budget of the month."""
    from django.conf import settings

    from booking.formats import sms
    from booking.models import Practice
    from tenants.schema import inside

    sent: list[Any] = []

    class Gateway:
        """Accepts each message."""

        def send(self, *, number: str, text: str, key: Any, is_retry: bool) -> None:
            """Accept one message."""
            sent.append(key)

    replace(sms, "gateway", Gateway)
    settings.SMS_GATEWAY = "fake"
    with inside(practice.unit):
        Practice.objects.update(sms_enabled=True, sms_budget=SMS_BUDGET)
    practice.emails = [""] * SMS_ASKED
    practice.practitioners = practice.practitioners[:SMS_ASKED]
    practice.book_all()
    counter.control(("an SMS leaves",), failed=not sent)
    counter.count("SMS", ("of a month",), failed=len(sent) > SMS_BUDGET, seen=len(sent))
    return f"{len(sent)} of {SMS_ASKED}, budget {SMS_BUDGET}"


def run(*, short: bool, sabotage: str | None = None) -> dict[str, Any]:
    """Run the proof."""
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    figures: dict[str, Any] = {}
    with open_environment(
        proof=PROOF, sabotage=sabotage, GOOGLE_CLIENT_ID="fake-client"
    ) as environment:
        from django.conf import settings

        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        _bounds_are_declared(counter)
        if guard:
            guard.remove_from_process()
        else:
            table = TableRun(environment, counter, short=short)
            table.drive()
            figures["routes"] = len(table.accepting)
            figures["silent routes that accepted a form"] = (
                f"{len(table.accepted)} of {len(SILENT)}"
            )
        figures["floods"] = _flood_all(environment, counter, SHORT_PEOPLE if short else PEOPLE)
    return counter.report(PROOF, sabotage=sabotage, short=short, **figures)


def _flood_all(environment: ProofEnvironment, counter: CaseCounter, people: int) -> dict[str, str]:
    from tests.factories import NOW

    host = "flood.lib-rdv.localhost"
    unit = environment.add_tenant(host)
    with time_machine.travel(NOW, tick=False) as traveller:
        practice = FloodedPractice(unit, host, NOW)
        practice.fill(people)
        flooding = FloodRun(practice, counter)
        for route, flood in floods().items():
            environment.flush_redis()
            # What is written once a minute must not be written already.
            practice.now += timedelta(minutes=1)
            traveller.move_to(practice.now)
            flooding.flood(route, flood)
        environment.flush_redis()
        flooding.figures["many networks, one practice"] = _from_many_networks(practice, counter)
        flooding.figures["SMS of a month"] = _sms(practice, counter)
    for route, figure in flooding.figures.items():
        print(f"{route:40} {figure}", file=sys.stderr)
    return flooding.figures
