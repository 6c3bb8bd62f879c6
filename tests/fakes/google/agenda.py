"""A tiny agenda to work as the practitioner: see the days, add a busy event, move one, delete one."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from html import escape
from itertools import groupby
from typing import Any

from tests.fakes.google import events
from tests.fakes.google.accounts import Account, Calendar, Event
from tests.fakes.google.errors import Refused
from tests.fakes.google.layout import Page, page, seen
from tests.fakes.google.state import Google

Form = dict[str, list[str]]
_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
    "novembre", "décembre",
)  # fmt: skip
_SHOWN = timedelta(days=14)


def answer(google: Google, verb: str, path: str, query: Form, form: Form) -> Page:
    """The accounts, one account's days, or a change followed by its days."""
    fields = form if verb == "POST" else query
    account = _account(google, fields)
    if account is None:
        return _accounts(google)
    day = _day(fields, google.now().astimezone(account.zone).date())
    action = _ACTIONS.get(path.removeprefix("/agenda/"))
    if verb != "POST" or action is None:
        return _days(google, account, day)
    try:
        action(google, account, {key: values[-1] for key, values in form.items()})
    except (KeyError, ValueError):
        return _days(google, account, day, "Il manque une date ou une heure.")
    except Refused as refused:
        return _days(google, account, day, f"Refusé : {refused.message}")
    return seen(f"/agenda/?compte={account.subject}&jour={day.isoformat()}")


def _account(google: Google, fields: Form) -> Account | None:
    subject = fields.get("compte", [""])[0]
    return next((found for found in google.accounts.values() if found.subject == subject), None)


def _day(fields: Form, today: date) -> date:
    try:
        return date.fromisoformat(fields.get("jour", [""])[0])
    except ValueError:
        return today


def _accounts(google: Google) -> Page:
    items = "".join(
        f'<li><a href="/agenda/?compte={listed.subject}">{escape(listed.email)}</a></li>'
        for listed in google.accounts.values()
    )
    empty = (
        "<p>Aucun compte pour l’instant : le premier naît quand une application est autorisée.</p>"
    )
    return page(200, "Comptes", f"<ul>{items}</ul>" if items else empty)


def _days(google: Google, account: Account, day: date, problem: str = "") -> Page:
    start = datetime(day.year, day.month, day.day, tzinfo=account.zone)
    with google.lock:
        found = sorted(
            (
                (event.start, calendar, event)
                for calendar in account.calendars.values()
                for event in events.touching(calendar, start, start + _SHOWN)
            ),
            key=lambda item: item[0],
        )
    names = {calendar.summary for calendar in account.calendars.values()}
    days = groupby(found, key=lambda item: item[0].astimezone(account.zone).date())
    shown = "".join(
        f"<h3>{_day_name(each)}</h3><ul>"
        f"{''.join(_item(account, day, calendar, event) for _, calendar, event in items)}</ul>"
        for each, items in days
    )
    before, after = day - _SHOWN, day + _SHOWN
    link = f"/agenda/?compte={account.subject}&amp;jour="
    content = f"""
<p><a href="/agenda/">Changer de compte</a></p>
{f'<p role="alert"><strong>{escape(problem)}</strong></p>' if problem else ""}
<p>Agendas : {escape(", ".join(sorted(names)))}</p>
<h2>Du {_day_name(day)} au {_day_name(after - timedelta(days=1))}</h2>
<p><a href="{link}{before}">Deux semaines avant</a> · <a href="{link}{after}">Deux semaines après</a></p>
{shown or "<p>Rien ces jours-là.</p>"}
<h2>Ajouter une occupation à l’agenda principal</h2>
<form method="post" action="/agenda/ajouter">{_hidden(account, day)}
<p><label>Intitulé <input name="summary" value="Occupé" autocomplete="off"></label></p>
<p><label>Début <input type="datetime-local" name="start" value="{day}T09:00" required></label>
<label>Fin <input type="datetime-local" name="end" value="{day}T10:00" required></label></p>
<p><button class="main">Ajouter</button></p></form>"""
    return page(400 if problem else 200, f"Agenda de {account.email}", content)


def _item(account: Account, day: date, calendar: Calendar, event: Event) -> str:
    start, end = (at.astimezone(account.zone) for at in (event.start, event.end))
    hours = "toute la journée" if "date" in event.body["start"] else f"{start:%H:%M}–{end:%H:%M}"
    name = escape(event.body.get("summary", "(sans titre)"))
    free = "" if event.is_busy else " (disponible)"
    hidden = (
        f"{_hidden(account, day)}"
        f'<input type="hidden" name="calendar" value="{escape(calendar.id)}">'
        f'<input type="hidden" name="id" value="{escape(event.id)}">'
    )
    return f"""<li><strong>{hours}</strong> {name}{free} — <em>{escape(calendar.summary)}</em><br>
<form class="inline" method="post" action="/agenda/deplacer">{hidden}
<label>Déplacer à <input type="datetime-local" name="start" value="{start:%Y-%m-%dT%H:%M}" required></label>
<button>Déplacer</button></form>
<form class="inline" method="post" action="/agenda/supprimer">{hidden}<button>Supprimer</button></form></li>"""


def _hidden(account: Account, day: date) -> str:
    return (
        f'<input type="hidden" name="compte" value="{account.subject}">'
        f'<input type="hidden" name="jour" value="{day}">'
    )


def _day_name(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def _add(google: Google, account: Account, form: dict[str, Any]) -> None:
    start, end = (_local(form[name], account) for name in ("start", "end"))
    google.add_event(account.email, start, end, summary=form.get("summary", ""))


def _move(google: Google, account: Account, form: dict[str, Any]) -> None:
    start = _local(form["start"], account)
    google.move_event(account.email, form["id"], start, calendar=form["calendar"])


def _delete(google: Google, account: Account, form: dict[str, Any]) -> None:
    google.delete_event(account.email, form["id"], calendar=form["calendar"])


def _local(text: str, account: Account) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=account.zone)


_ACTIONS: dict[str, Callable[[Google, Account, dict[str, Any]], None]] = {
    "ajouter": _add,
    "deplacer": _move,
    "supprimer": _delete,
}
