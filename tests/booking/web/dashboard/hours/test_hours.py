"""The week editor, exceptions, absences and public holidays of the dashboard."""

import re
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import (
    Absence,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
)
from booking.scheduling.hours import save_date
from booking.scheduling.queries import free_slots
from tenants.accounts.models import Role
from tenants.audit.models import AuditEvent
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_practitioner,
)
from tests.page_actions import actions_of
from tests.page_forms import shown_values

FRIDAY = date(2026, 11, 13)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def week(cabinet: Cabinet, **ranges: str) -> dict[str, Any]:
    """Return what the week editor sends."""
    return {"place": cabinet.location.ref, "every": "1", **ranges}


def starts(cabinet: Cabinet, on: date) -> list[str]:
    """Return the free local starts of a day, as patients see them."""
    slots = free_slots(appointment_type=cabinet.type, from_on=on, until_on=on, now=NOW)
    return [f"{slot.starts_at + timedelta(hours=1):%H:%M}" for slot in slots]


def test_a_week_takes_several_ranges_a_day_as_people_write_them(
    owner: Client, cabinet: Cabinet
) -> None:
    row = OpeningHours.objects.filter(weekday=4).get()

    answer = owner.post(
        page("week_edit", cabinet.practitioner.ref, row.ref),
        week(cabinet, d4r0a="9", d4r0b="10h30", d4r1a="14:00", d4r1b="15 h 30"),
    )

    assert answer.status_code == 302
    assert starts(cabinet, FRIDAY) == ["09:00", "09:45", "14:00", "14:45"]
    assert OpeningHours.objects.count() == 2
    assert AuditEvent.objects.filter(verb="hours.changed", ref=cabinet.practitioner.ref).exists()


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ({"d0r0a": "9"}, "Donnez le début et la fin"),
        ({"d0r0a": "12", "d0r0b": "9"}, "vient après son début"),
        ({"d0r0a": "9", "d0r0b": "12", "d0r1a": "11", "d0r1b": "13"}, "se chevauchent"),
        ({"d0r0a": "neuf", "d0r0b": "12"}, "ne semble pas valide"),
        ({"every": "2"}, "Indiquez un jour"),
        ({"valid_from": "2026-12-01", "valid_to": "2026-11-01"}, "vient avant la première"),
    ],
)
def test_a_week_that_cannot_be_is_refused_and_stays_typed(
    owner: Client, cabinet: Cabinet, ranges: dict[str, str], expected: str
) -> None:
    before = OpeningHours.objects.count()

    answer = owner.post(
        page("week_add", cabinet.practitioner.ref), week(cabinet, d6r0a="10h10", **ranges)
    )

    assert answer.status_code == 422
    assert expected in answer.text
    assert 'value="10h10"' in answer.text
    assert OpeningHours.objects.count() == before


def test_a_date_at_the_end_of_the_calendar_is_refused(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(
        page("absence_add"),
        {
            "practitioner": cabinet.practitioner.ref,
            "from_on": "2026-11-13",
            "to_on": "31/12/9999",
        },
    )

    assert answer.status_code == 422
    assert "31/12/9999" in answer.text


def test_monday_is_copied_without_saving(owner: Client, cabinet: Cabinet) -> None:
    OpeningHours.objects.all().delete()

    answer = owner.post(
        page("week_add", cabinet.practitioner.ref),
        week(cabinet, d0r0a="9h", d0r0b="12h", action="copy-0-1234"),
    )

    assert answer.text.count('value="9h"') == 5
    assert not OpeningHours.objects.exists()


def test_a_copied_day_takes_the_place_of_what_the_others_held(
    owner: Client, cabinet: Cabinet
) -> None:
    typed = week(cabinet, d1r0a="9h", d1r0b="12h", d5r0a="7h10", d5r0b="8h", d5r1a="10h")

    answer = owner.post(page("week_add", cabinet.practitioner.ref), {**typed, "action": "copy-1-5"})

    assert answer.text.count('value="9h"') == 2
    assert "7h10" not in answer.text
    assert "10h" not in answer.text


def test_a_range_is_added_with_the_cursor_in_it_and_taken_away(
    owner: Client, cabinet: Cabinet
) -> None:
    typed = week(cabinet, d2r0a="9h", d2r0b="12h")
    address = page("week_add", cabinet.practitioner.ref)

    more = owner.post(address, {**typed, "action": "add-2"}).text
    none = owner.post(address, {**typed, "action": "remove-2-0"}).text

    assert re.search(r'name="d2r1a"[^>]*autofocus', more)
    assert 'name="d2r0a"' not in none


@pytest.mark.parametrize("sent", ["add-9", "copy-0", "remove-1", "effacer-1", "copy-0-x"])
def test_an_unknown_button_of_the_editor_saves_as_the_form_does(
    owner: Client, cabinet: Cabinet, sent: str
) -> None:
    answer = owner.post(
        page("week_add", cabinet.practitioner.ref), week(cabinet, d0r0a="9", action=sent)
    )

    assert answer.status_code == 422


def test_a_day_takes_four_ranges_and_no_fifth(owner: Client, cabinet: Cabinet) -> None:
    full = {f"d0r{n}{side}": "" for n in range(4) for side in "ab"}

    answer = owner.post(
        page("week_add", cabinet.practitioner.ref), week(cabinet, **full, action="add-0")
    )

    assert 'value="add-0"' not in answer.text
    assert 'value="add-1"' in answer.text


def test_the_preview_shows_what_is_typed_and_writes_nothing(
    owner: Client, cabinet: Cabinet
) -> None:
    row = OpeningHours.objects.filter(weekday=4).get()
    before = list(OpeningHours.objects.values_list("weekday", "starts_min"))
    typed = week(cabinet, d4r0a="16h05", d4r0b="17h35", action="preview")

    shown = owner.post(
        page("week_edit", cabinet.practitioner.ref, row.ref), typed, headers={"hx-request": "true"}
    )

    assert shown.status_code == 200
    assert "<form" not in shown.text
    assert re.findall(r'class="slot seen">([^<]+)<', shown.text) == [
        "16\u00a0h\u00a005", "16\u00a0h\u00a050",
    ] * 3  # fmt: skip
    assert "vendredi\u00a013\u00a0novembre" in shown.text
    assert list(OpeningHours.objects.values_list("weekday", "starts_min")) == before


def test_the_preview_works_without_a_script_and_leaves_out_what_is_half_typed(
    owner: Client, cabinet: Cabinet
) -> None:
    typed = week(cabinet, d4r0a="16h05", d4r0b="17h35", d1r0a="9", action="preview")

    shown = owner.post(page("week_add", cabinet.practitioner.ref), typed)

    assert shown.status_code == 200
    assert 'value="16h05"' in shown.text
    assert "Une plage ou une règle est incomplète" in shown.text


def test_a_fragment_sends_a_stranger_and_the_whole_page_to_the_door(
    host: str, cabinet: Cabinet
) -> None:
    address = page("week_add", cabinet.practitioner.ref)
    headers = {"hx-request": "true", "hx-current-url": f"http://{host}{address}"}

    answer = browser(host).post(address, {"action": "preview"}, headers=headers)

    assert answer["HX-Redirect"] == f"/connexion/?next={address}"


def test_every_other_week_for_one_appointment_type(owner: Client, cabinet: Cabinet) -> None:
    OpeningHours.objects.all().delete()
    typed = week(cabinet, d4r0a="9", d4r0b="9h45", anchor_on=FRIDAY.isoformat())
    typed |= {"every": "2", "appointment_types": [cabinet.type.ref]}

    owner.post(page("week_add", cabinet.practitioner.ref), typed)

    found = [bool(starts(cabinet, FRIDAY + timedelta(weeks=n))) for n in range(3)]
    assert found == [True, False, True]


def test_appointments_outside_the_new_hours_are_said_and_stay(
    owner: Client, cabinet: Cabinet
) -> None:
    appointment = make_appointment(cabinet, local(FRIDAY, 17))
    row = OpeningHours.objects.filter(weekday=4).get()

    answer = owner.post(
        page("week_edit", cabinet.practitioner.ref, row.ref),
        week(cabinet, d4r0a="9", d4r0b="12"),
        follow=True,
    )

    appointment.refresh_from_db()
    assert "1 rendez-vous sort de ces horaires" in answer.text
    assert appointment.status == "booked"


def test_an_exception_changes_a_single_date_and_is_removed(owner: Client, cabinet: Cabinet) -> None:
    typed = {"place": cabinet.location.ref, "on_date": FRIDAY.isoformat()}

    owner.post(page("date_edit", cabinet.practitioner.ref), typed)
    closed = starts(cabinet, FRIDAY)
    row = OpeningException.objects.get()
    owner.post(page("date_clear", cabinet.practitioner.ref, row.ref))

    assert closed == []
    assert len(starts(cabinet, FRIDAY)) > 5


def test_an_absence_lists_the_appointments_it_touches(owner: Client, cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, local(FRIDAY, 14))

    answer = owner.post(
        page("absence_add"),
        {"from_on": FRIDAY.isoformat(), "to_on": FRIDAY.isoformat(), "label": "Congés"},
        follow=True,
    )

    assert "Camille Spécimen" in answer.text or appointment.spoken_ref in answer.text
    assert page("move", appointment.ref) in answer.text
    assert starts(cabinet, FRIDAY) == []
    assert Absence.objects.get().practitioner is None


def test_an_absence_of_all_shows_only_the_appointments_within_reach(
    cabinet: Cabinet, host: str
) -> None:
    appointment = make_appointment(cabinet, local(FRIDAY, 14))
    absence = Absence.objects.create(starts_at=local(FRIDAY, 8), ends_at=local(FRIDAY, 20))
    colleague = make_practitioner("Hugo Fictif", user=make_member(Role.PRACTITIONER))
    assert colleague.user is not None

    shown = browser(host, colleague.user).get(page("absence", absence.ref))

    assert shown.status_code == 200
    assert appointment.ref.hex not in shown.text.replace("-", "")
    assert "Spécimen" not in shown.text


def test_a_secretary_blocks_one_agenda_and_not_the_whole_practice(
    cabinet: Cabinet, host: str
) -> None:
    client = browser(host, make_member(Role.SECRETARY))
    typed = {"from_on": FRIDAY.isoformat(), "to_on": FRIDAY.isoformat()}

    refused = client.post(page("absence_add"), typed)
    passed = client.post(page("absence_add"), {**typed, "practitioner": cabinet.practitioner.ref})

    assert (refused.status_code, passed.status_code) == (422, 302)
    assert Absence.objects.get().practitioner == cabinet.practitioner


def test_an_absence_can_be_taken_back(owner: Client, cabinet: Cabinet) -> None:
    absence = Absence.objects.create(starts_at=local(FRIDAY, 8), ends_at=local(FRIDAY, 20))

    owner.post(page("absence_remove", absence.ref))

    assert len(starts(cabinet, FRIDAY)) > 5


CHRISTMAS, NEW_YEAR = date(2026, 12, 25), date(2027, 1, 1)
GOOD_FRIDAY = date(2027, 3, 26)


def opened_dates() -> list[date]:
    return list(HolidayOpening.objects.order_by("on_date").values_list("on_date", flat=True))


def customary_days() -> str:
    return str(Location.objects.values_list("customary_days", flat=True).get())


def save_holidays(owner: Client, cabinet: Cabinet, **sent: list[Any]) -> int:
    """Save the list of holidays with these ticks, as the page shows it now; return the status."""
    address = page("holidays", cabinet.location.ref)
    _links, forms = actions_of(owner.get("/espace/horaires/").text, address="/espace/horaires/")
    shown = next(form.values for form in forms if form.action == address)
    ticks = {name: [str(value) for value in values] for name, values in sent.items()}
    return owner.post(address, {"version": shown["version"], **ticks}).status_code


def test_public_holidays_open_one_by_one(owner: Client, cabinet: Cabinet) -> None:
    assert save_holidays(owner, cabinet, opened=[CHRISTMAS]) == 302
    opened = opened_dates()
    assert save_holidays(owner, cabinet, opened=[NEW_YEAR]) == 302

    assert opened == [CHRISTMAS]
    assert opened_dates() == [NEW_YEAR]


def test_customary_days_are_offered_unticked_where_they_are_usual(
    owner: Client, cabinet: Cabinet
) -> None:
    """A practice of Guadeloupe chooses whether it closes on Good Friday; one of Bidart is not asked (B-17)."""
    in_bidart = owner.get("/espace/horaires/").text
    cabinet.type.horizon_days = 200
    cabinet.type.save()
    Location.objects.update(territory="GP")
    in_guadeloupe = owner.get("/espace/horaires/").text.replace("\u00a0", " ")

    assert "Jours d’usage" not in in_bidart
    assert "Fermer : Vendredi saint" in in_guadeloupe
    assert "la prochaine fois, vendredi 26 mars 2027" in in_guadeloupe
    assert customary_days() == ""
    assert len(starts(cabinet, GOOD_FRIDAY)) > 5


def test_a_chosen_customary_day_closes_and_one_date_of_it_opens_again(
    owner: Client, cabinet: Cabinet
) -> None:
    cabinet.type.horizon_days = 200
    cabinet.type.save()
    Location.objects.update(territory="GP")
    foreign = save_holidays(owner, cabinet, customary=["good_friday", "second_january"])
    saved = save_holidays(owner, cabinet, customary=["good_friday"])
    chosen, closed = customary_days(), starts(cabinet, GOOD_FRIDAY)
    save_holidays(owner, cabinet, opened=[GOOD_FRIDAY], customary=["good_friday"])
    opened = starts(cabinet, GOOD_FRIDAY)
    text = owner.get("/espace/horaires/").text
    save_holidays(owner, cabinet)

    assert (foreign, saved) == (422, 302)
    assert (chosen, closed) == ("good_friday", [])
    assert len(opened) > 5
    assert f'name="opened" value="{GOOD_FRIDAY}"' in text
    assert customary_days() == ""


def test_an_older_tab_undoes_no_customary_day(owner: Client, cabinet: Cabinet) -> None:
    Location.objects.update(territory="GP")
    address = page("holidays", cabinet.location.ref)
    _links, forms = actions_of(owner.get("/espace/horaires/").text, address="/espace/horaires/")
    older = next(form.values for form in forms if form.action == address)
    save_holidays(owner, cabinet, customary=["mardi_gras"])

    late = owner.post(address, {**older, "customary": ["good_friday"]})

    assert late.status_code == 409
    assert "Jours d’usage fermés" in late.text
    assert customary_days() == "mardi_gras"


def test_the_days_of_the_moon_are_said_to_be_absences(owner: Client, cabinet: Cabinet) -> None:
    """No table has the Muslim holidays of Mayotte: the page says how to close on them (B-17)."""
    Location.objects.update(postcode="97600")

    assert "Maoulid suivent la lune" in owner.get("/espace/horaires/").text


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_the_hours_of_a_date_keep_all_their_ranges(
    owner: Client, cabinet: Cabinet, count: int
) -> None:
    """A date shows each range that it has, and saving the page drops none."""
    hours = [(8 * 60 + 90 * number, 9 * 60 + 90 * number) for number in range(count)]
    save_date(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        on_date=FRIDAY,
        ranges=hours,
        actor="system",
        now=NOW,
    )
    address = page("date_edit", cabinet.practitioner.ref)
    shown = shown_values(owner.get(address, {"jour": FRIDAY.isoformat()}).text)

    assert owner.post(address, shown).status_code == 302

    kept = OpeningException.objects.order_by("starts_min").values_list("starts_min", "ends_min")
    assert list(kept) == hours
