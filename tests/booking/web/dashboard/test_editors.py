"""Nothing changes behind anyone's back: every form that changes something stored notices a concurrent change."""

import io
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from booking.feeds.publication import open_feed
from booking.models import Feed, HolidayOpening, Practitioner
from booking.rules.erasure import Level
from booking.scheduling.hours import weeks_of
from tenants.accounts.models import Role
from tenants.edit_form import EditForm
from tenants.work_form import WorkForm
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, local, make_appointment, make_link
from tests.page_actions import actions_of
from tests.page_forms import shown_values

VISIT_AT = local(date(2026, 11, 12), 14)
URLS = ("config.urls_tenant", "config.urls_public")
CREATES = {
    "AbsenceForm": "adds an absence",
    "BookForm": "books",
    "CloseForm": "adds an absence",
    "ConnectForm": "connects an account",
    "DisconnectForm": "ends a link; shows no stored value",
    "InvitationForm": "joins",
    "InviteForm": "invites",
    "JoinWithAccountForm": "joins",
    "AgendaAfterForm": "closes an access; the service checks the role",
    "CreditForm": "adds the draft of a credit note",
    "LedgerFilterForm": "filters a list",
    "NewOrderForm": "makes an order",
    "NewPriceForm": "adds a price",
    "OrderForm": "orders a tenant",
    "PaymentForm": "adds a payment; the service counts each movement once",
    "PeriodForm": "chooses a period",
    "ProductForm": "adds a product",
    "QuickAnswersForm": "draws a part of BookForm",
    "RatesForm": "adds rates",
    "PresetsForm": "adds appointment types",
    "ReplacementForm": "announces a replacement",
    "SignatureForm": "signs; the service compares what was shown",
    "SuspendForm": "acts; the service checks the state",
    "WaitForm": "adds to the waiting list",
}
"""Forms that change nothing stored."""
OWN_VERSION = {
    "CancelForm": "sequence of the appointment",
    "LengthForm": "sequence of the appointment",
    "MoveForm": "sequence of the appointment",
    "SiteTextForm": "fingerprint of the text, with the text of the other person on the page",
}
"""Forms that compare another version, under the lock of their service."""
BASES = {"EditForm", "RowForm", "RuledForm", "SlotForm", "PictureForm"}


def forms_of(base: type[WorkForm]) -> Iterator[type[WorkForm]]:
    """Return all forms of signed-in pages of the product."""
    for form in base.__subclasses__():
        if not form.__module__.startswith("tests."):
            yield form
        yield from forms_of(form)


def test_every_form_that_changes_something_compares_a_version() -> None:
    """A new editor must be an EditForm, or say here what it does instead."""
    for urls in URLS:
        import_module(urls)
    found = {form.__name__: form for form in forms_of(WorkForm)}

    bare = {
        name
        for name, form in found.items()
        if not issubclass(form, EditForm) and name not in CREATES | OWN_VERSION
    }

    assert len(found) > 35
    assert bare - BASES == set()
    assert CREATES.keys() | OWN_VERSION.keys() <= found.keys()


def test_every_editor_is_tried_below() -> None:
    for urls in URLS:
        import_module(urls)
    editors = {form.__name__ for form in forms_of(EditForm)} - BASES - CREATES.keys()

    assert editors == {*EDITORS, *TRIED_ELSEWHERE}


Address = Callable[[Cabinet], str]


def at(name: str) -> Address:
    """Return the address of a page without arguments."""
    return lambda _cabinet: reverse(name)


def week_page(cabinet: Cabinet) -> str:
    """Return the address of the editor of the practitioner's week."""
    row = weeks_of(cabinet.practitioner)[0][0]
    return reverse("dashboard:week_edit", args=[cabinet.practitioner.ref, row.ref])


def member_page(_cabinet: Cabinet) -> str:
    """Return the address of the role of a secretary."""
    member = make_member(Role.SECRETARY)
    return reverse("dashboard:member_edit", args=[member.memberships.get().ref])


def contact_page(cabinet: Cabinet) -> str:
    """Return the address of the data of a person."""
    return reverse("dashboard:correct", args=[make_appointment(cabinet, VISIT_AT).ref])


EDITORS: dict[str, tuple[Address, str, str]] = {
    "ContactForm": (contact_page, "phone", "06 39 98 01 05"),
    "AppointmentTypeForm": (
        lambda cabinet: reverse("dashboard:appointment_type_edit", args=[cabinet.type.ref]),
        "price_text",
        "75 €",
    ),
    "PlaceForm": (
        lambda cabinet: reverse("dashboard:place_edit", args=[cabinet.location.ref]),
        "street",
        "1 place du Port",
    ),
    "PracticeForm": (at("dashboard:practice"), "phone", "05 36 49 00 99"),
    "ProfessionForm": (at("dashboard:first_profession"), "profession", "Kinésithérapeute"),
    "FirstPlaceForm": (at("dashboard:first_place"), "street", "1 place du Port"),
    "LegalIdentityForm": (at("dashboard:first_legal_identity"), "legal_town", "Guéthary"),
    "WeekForm": (week_page, "d0r0a", "8h"),
    "DateForm": (
        lambda cabinet: (
            reverse("dashboard:date_edit", args=[cabinet.practitioner.ref]) + "?jour=2026-11-13"
        ),
        "starts",
        "10h",
    ),
    "RoleForm": (member_page, "until_on", "2027-01-31"),
    "PractitionerForm": (
        lambda cabinet: reverse("dashboard:agenda_edit", args=[cabinet.practitioner.ref]),
        "title",
        "Ostéopathe D.O.",
    ),
    "TextForm": (lambda _cabinet: reverse("dashboard:text", args=["reminder"]), "text", "Bonjour."),
    "DigestForm": (at("dashboard:digest"), "minute", "7h15"),
    "RetentionForm": (at("dashboard:privacy"), "retention_days", "200"),
    "ColourForm": (at("dashboard:site_colour"), "colour", "#aa0000"),
    "CardForm": (
        lambda cabinet: reverse("dashboard:site_card", args=[cabinet.practitioner.ref]),
        "presentation",
        "Diplômée en 2010.",
    ),
    "QuestionnaireForm": (at("dashboard:site_questionnaire"), "languages", "basque"),
    "NameForm": (at("account_profile"), "name", "Maite Autrement"),
}
TRIED_ELSEWHERE = {
    "ChoicesForm",
    "ClientIdentityForm",
    "DraftLinesForm",
    "FeedForm",
    "HolidaysForm",
    "IdentityRequestForm",
    "LogoForm",
    "OrderCorrectionForm",
    "PersonForm",
    "PhotoForm",
    "ProductRenameForm",
    "SellerForm",
    "TerritoryForm",
}
"""Tried in the tests below: their page needs an account, a feed or a picture first.
``PersonForm`` is a form of patients, those of billing are of staff: tried with their pages."""


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def save(owner: Client, address: str, values: dict[str, object]) -> int:
    """Send a form as often as it asks for a confirmation; return the last status."""
    answer = owner.post(address, values)
    if answer.status_code == 200:
        answer = owner.post(address, {**values, "confirmed": "on"})
    return answer.status_code


@pytest.mark.parametrize("form", sorted(EDITORS))
def test_a_concurrent_change_is_noticed_and_shown(
    owner: Client, cabinet: Cabinet, form: str
) -> None:
    """The older of two tabs keeps what was typed, reads the present value, and may save again."""
    address_of, field, theirs = EDITORS[form]
    address = address_of(cabinet)
    shown = shown_values(owner.get(address).text)
    typed = {"RetentionForm": "300", "RoleForm": "2027-02-28"}
    mine = typed.get(form) or str(shown.get(field, "")) or "Un autre"
    assert save(owner, address, shown | {field: theirs}) == 302

    answer = owner.post(address, shown | {field: mine})

    assert answer.status_code == 409
    assert "Quelqu’un a changé cette page entre-temps" in answer.text
    assert "aleur actuelle" in answer.text
    again = shown_values(answer.text)
    assert again[field] == mine
    if form != "RetentionForm":  # it can only be shortened
        assert save(owner, address, again) == 302


@pytest.mark.parametrize("form", sorted(EDITORS.keys() - {"RetentionForm"}))
def test_a_page_that_shows_the_present_values_is_saved(
    owner: Client, cabinet: Cabinet, form: str
) -> None:
    address_of, field, mine = EDITORS[form]
    address = address_of(cabinet)

    for value in (mine, mine):
        shown = shown_values(owner.get(address).text)
        assert save(owner, address, shown | {field: value}) == 302


def test_different_fields_of_two_tabs_meet_in_one_row(owner: Client, cabinet: Cabinet) -> None:
    """The finding's own case: price and notice by the second tab, instructions by the first."""
    address = reverse("dashboard:appointment_type_edit", args=[cabinet.type.ref])
    shown = shown_values(owner.get(address).text)
    owner.post(address, shown | {"price_text": "75 €", "min_notice_min": "1440"})

    answer = owner.post(address, shown | {"instructions": "Apportez vos examens."})

    assert answer.status_code == 409
    assert "Valeur actuelle : 75 €" in answer.text.replace("\u00a0", " ")
    assert "Valeur actuelle : 1440" in answer.text.replace("\u00a0", " ")
    cabinet.type.refresh_from_db()
    assert (cabinet.type.price_text, cabinet.type.min_notice_min) == ("75 €", 1440)


def test_a_week_that_was_rewritten_or_removed_keeps_what_is_typed(
    owner: Client, cabinet: Cabinet
) -> None:
    """The older tab of the hours gets no bare 404 when the week was written anew."""
    address = week_page(cabinet)
    shown = shown_values(owner.get(address).text)
    row = weeks_of(cabinet.practitioner)[0][0]
    owner.post(reverse("dashboard:week_remove", args=[cabinet.practitioner.ref, row.ref]))

    answer = owner.post(address, shown | {"d0r0a": "7h45"})

    assert answer.status_code == 409
    again = shown_values(answer.text)
    assert again["d0r0a"] == "7h45"
    assert owner.post(address, again).status_code == 302
    assert owner.get(address).status_code in {200, 302}


def test_another_date_than_the_shown_one_is_not_a_concurrent_change(
    owner: Client, cabinet: Cabinet
) -> None:
    address = EDITORS["DateForm"][0](cabinet)
    shown = shown_values(owner.get(address).text)

    assert owner.post(address, shown | {"on_date": "2026-11-16"}).status_code == 302


def test_an_editor_of_a_vanished_row_is_not_found(owner: Client) -> None:
    address = reverse("dashboard:agenda_edit", args=[uuid.uuid4()])

    assert owner.get(address).status_code == 404
    assert Practitioner.objects.count() == 1


# --- Editors whose page needs an account, a feed or a picture first -----------------------------------------


def changed(answer: Any) -> bool:
    """Return whether the answer says that somebody changed the page meanwhile, and shows the present value."""
    is_conflict: bool = answer.status_code == 409
    assert ("Quelqu’un a changé cette page entre-temps" in answer.text) == is_conflict
    assert ("aleur actuelle" in answer.text) or not is_conflict
    return is_conflict


def test_two_tabs_of_a_feed(owner: Client, cabinet: Cabinet) -> None:
    """Level of detail of a feed: a colleague has taken the names out, the older tab puts initials."""
    page, practitioner = reverse("dashboard:feeds"), cabinet.practitioner
    open_feed(
        practitioner=practitioner, level=Level.NAMED, is_instructed=True, actor="system", now=NOW
    )
    address = reverse("dashboard:feed_change", args=[practitioner.ref])
    name = f"f{practitioner.ref.hex[:8]}-level"
    shown = shown_values(owner.get(page).text) | {"action": "save"}
    assert owner.post(address, shown | {name: "0"}).status_code == 302

    late = owner.post(address, shown | {name: "1"})

    assert changed(late)
    assert Feed.objects.get().level == Level.REFERENCE
    again = shown_values(late.text)
    assert again[name] == "1"
    assert owner.post(address, again | {"action": "save"}).status_code == 302
    assert Feed.objects.get().level == Level.INITIALS


def test_a_tab_from_before_the_feed_was_opened(owner: Client, cabinet: Cabinet) -> None:
    """The page of a closed feed holds no version: it has not shown the level that a colleague chose since."""
    practitioner = cabinet.practitioner
    address = reverse("dashboard:feed_change", args=[practitioner.ref])
    name = f"f{practitioner.ref.hex[:8]}-level"
    shown = shown_values(owner.get(reverse("dashboard:feeds")).text) | {"action": "save"}
    open_feed(
        practitioner=practitioner,
        level=Level.INITIALS,
        is_instructed=False,
        actor="system",
        now=NOW,
    )

    late = owner.post(address, shown | {name: "0", f"{name.partition('-')[0]}-version": ""})

    assert changed(late)
    assert Feed.objects.get().level == Level.INITIALS


def test_two_tabs_of_the_choices_for_google(owner: Client, cabinet: Cabinet) -> None:
    account = make_link(cabinet.practitioner, level=Level.REFERENCE)
    address = reverse("dashboard:google_agenda", args=[cabinet.practitioner.ref])
    shown = shown_values(owner.get(address).text)
    assert owner.post(address, shown | {"closes_when_lost": "on"}).status_code == 302

    late = owner.post(address, shown | {"level": str(Level.INITIALS.value)})

    assert changed(late)
    account.refresh_from_db()
    assert (account.level, account.closes_when_lost) == (Level.REFERENCE, True)
    again = shown_values(late.text)
    assert again["level"] == str(Level.INITIALS.value)
    assert owner.post(address, again).status_code == 302


PICTURE_FACTS = {
    "rights_holder": "Maite Exemple",
    "has_right": "on",
    "alt": "La salle",
    "people": "nobody",
}


def picture(colour: str) -> SimpleUploadedFile:
    """Return a photo of one colour."""
    drawn = io.BytesIO()
    Image.new("RGB", (600, 600), colour).save(drawn, "JPEG")
    return SimpleUploadedFile("photo.jpg", drawn.getvalue(), "image/jpeg")


@pytest.mark.parametrize("kind", ["photo", "logo"])
def test_two_tabs_of_a_picture(owner: Client, cabinet: Cabinet, kind: str) -> None:
    address = reverse("dashboard:site_picture", args=[kind])
    facts = PICTURE_FACTS
    first = {**shown_values(owner.get(address).text), **facts}
    assert owner.post(address, first | {"file": picture("red")}).status_code == 302
    shown = {**shown_values(owner.get(address).text), **facts}
    assert owner.post(address, shown | {"rights_holder": "Ane Photographe"}).status_code == 302

    late = owner.post(address, shown | {"rights_holder": "Hugo Photographe"})

    assert changed(late)
    again = shown_values(late.text)
    assert again["rights_holder"] == "Hugo Photographe"
    assert "Ane Photographe" in late.text
    assert owner.post(address, {**facts, **again}).status_code == 302


def test_another_picture_that_was_sent_meanwhile_is_not_replaced_unseen(
    owner: Client, cabinet: Cabinet
) -> None:
    address = reverse("dashboard:site_picture", args=["photo"])
    facts = PICTURE_FACTS
    shown = {**shown_values(owner.get(address).text), **facts}
    assert owner.post(address, shown | {"file": picture("red")}).status_code == 302

    late = owner.post(address, shown | {"file": picture("blue")})

    assert changed(late)


def test_two_tabs_of_the_public_holidays(owner: Client, cabinet: Cabinet) -> None:
    """One colleague opens a holiday; the older tab of the other one does not close it unseen."""
    page = reverse("dashboard:hours")
    address = reverse("dashboard:holidays", args=[cabinet.location.ref])
    form = holidays_form(owner.get(page).text, address)
    assert owner.post(address, form | {"opened": ["2026-12-25"]}).status_code == 302

    late = owner.post(address, form | {"opened": ["2027-01-01"]})

    assert changed(late)
    assert "25/12/2026" in late.text
    assert list(HolidayOpening.objects.values_list("on_date", flat=True)) == [date(2026, 12, 25)]
    again = holidays_form(late.text, address)
    assert again["opened"] == ["2027-01-01"]
    assert owner.post(address, again).status_code == 302
    assert list(HolidayOpening.objects.values_list("on_date", flat=True)) == [date(2027, 1, 1)]


def holidays_form(page: str, address: str) -> dict[str, Any]:
    """Return what the form of the public holidays sends."""
    _links, forms = actions_of(page, address=reverse("dashboard:hours"))
    return next(form.values for form in forms if form.action == address)


@pytest.mark.parametrize("form", sorted(EDITORS.keys() - {"DateForm", "WeekForm"}))
def test_a_form_without_its_version_has_shown_nothing(
    owner: Client, cabinet: Cabinet, form: str
) -> None:
    """One behaviour for all editors: nothing stored is replaced, and the page comes back with its version."""
    address_of, field, theirs = EDITORS[form]
    address = address_of(cabinet)
    shown = shown_values(owner.get(address).text)
    assert save(owner, address, shown | {field: theirs}) == 302
    typed = {"RetentionForm": "150", "RoleForm": "2027-02-28", "ColourForm": "#00aa00"}
    mine = typed.get(form) or {"minute": "8h", "phone": "06 39 98 01 09"}.get(
        field, "Kinésithérapie"
    )

    answer = owner.post(address, shown | {field: mine, "version": ""})

    assert answer.status_code == 409
    assert shown_values(answer.text)[field] == mine
    assert shown_values(answer.text)["version"]
