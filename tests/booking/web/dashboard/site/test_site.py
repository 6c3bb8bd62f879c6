"""My site: writing, publishing, taking off; pictures, colour, numbers; what a patient sees of it, and when."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from booking.models import Practice, Practitioner
from booking.practice.site import practice_facts
from tenants.accounts.models import Role
from tenants.audit.models import AuditEvent
from tenants.schema import Unit, inside
from tenants.website.models import Card, Draft, Picture, PictureFile, Publication, Questionnaire
from tenants.website.pictures import encode_photo
from tenants.website.services import gallery, publication
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, make_practitioner
from tests.page_text import collapsed

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}"


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser; the only practitioner is the owner."""
    user = make_member(Role.OWNER)
    cabinet.practitioner.user = user
    cabinet.practitioner.save(update_fields=["user"])
    return browser(host, user)


@pytest.fixture
def patient(host: str) -> Client:
    """Return a visitor's browser."""
    return Client(SERVER_NAME=host)


def page(name: str, *arguments: object) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=arguments)


def write(client: Client, part: str, text: str) -> Any:
    """Open the form of a text, type, save."""
    shown = client.get(page("site_text", part))
    seen = shown.context["form"]["seen"].value()
    return client.post(page("site_text", part), {"text": text, "seen": seen})


def publish(client: Client) -> Any:
    """Press the button of the page as it stands."""
    seen = client.get(page("site")).context["workshop"].content.fingerprint
    return client.post(page("site_publish"), {"seen": seen}, follow=True)


def photo_file(size: tuple[int, int] = (1300, 900), kind: str = "JPEG") -> io.BytesIO:
    """Return an upload."""
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind)
    written.seek(0)
    written.name = "facade.jpg"
    return written


def send_photo(client: Client, **fields: Any) -> Any:
    """Send a photo with everything that is asked."""
    typed: dict[str, Any] = {
        "file": photo_file(),
        "alt": "La façade, porte bleue",
        "people": "nobody",
        "rights_holder": "Maite Exemple",
        "has_right": "on",
    }
    return client.post(page("site_picture", "photo"), typed | fields)


def test_a_text_is_seen_by_patients_once_published_and_no_sooner(
    owner: Client, patient: Client
) -> None:
    write(owner, "presentation", "Je reçois face au fronton.\n\n- adultes\n- enfants")
    before = patient.get("/").text

    publish(owner)
    after = patient.get("/").text

    assert "fronton" not in before
    assert "<p> Je reçois face au fronton. </p>" in collapsed(after)
    assert "<li>adultes</li>" in after
    assert {"site.edited", "site.published"} <= set(
        AuditEvent.objects.values_list("verb", flat=True)
    )


def test_publishing_replaces_everything_at_once(owner: Client, patient: Client) -> None:
    write(owner, "presentation", "Premier texte")
    write(owner, "access", "Premier accès")
    publish(owner)
    write(owner, "presentation", "Second texte")
    write(owner, "access", "")
    between = patient.get("/").text

    publish(owner)
    after = patient.get("/").text

    assert "Premier texte" in between
    assert "Premier accès" in between
    assert "Second texte" in after
    assert "Premier" not in after
    assert Publication.objects.count() == 1


def test_what_differs_from_the_published_pages_is_said(owner: Client) -> None:
    write(owner, "presentation", "Un")
    publish(owner)
    unchanged = owner.get(page("site")).text
    write(owner, "presentation", "Deux")
    write(owner, "practical", "Apporter l’ordonnance")

    changed = owner.get(page("site")).text

    assert "Tout est en ligne" in unchanged
    assert "par Maite" in unchanged or "par " in unchanged
    assert "Présentation\u00a0: modifié" in changed
    assert "Informations pratiques\u00a0: ajouté" in changed
    assert "Publier les changements" in changed


def test_taking_off_asks_once_and_leaves_the_draft(owner: Client, patient: Client) -> None:
    write(owner, "presentation", "Face au fronton")
    publish(owner)

    asked = owner.get(page("site_unpublish"))
    still = patient.get("/").text
    owner.post(page("site_unpublish"))
    after = patient.get("/").text

    assert asked.status_code == 200
    assert "fronton" in still
    assert "fronton" not in after
    assert Draft.objects.get().presentation == "Face au fronton"
    assert not Publication.objects.exists()
    assert AuditEvent.objects.filter(verb="site.unpublished").count() == 1
    assert owner.post(page("site_unpublish")).status_code == 302  # twice is harmless


def test_the_sentences_of_the_settings_start_the_draft_and_move_into_it(
    owner: Client, patient: Client
) -> None:
    Practice.objects.update(about="Texte des réglages", payment_text="Carte, chèque.")
    assert "Texte des réglages" in patient.get("/").text

    write(owner, "access", "Bus 3")
    publish(owner)

    assert Draft.objects.get().presentation == "Texte des réglages"
    assert "Texte des réglages" in patient.get("/").text
    assert Practice.objects.get().about == ""
    owner.post(page("site_unpublish"))
    assert "Texte des réglages" not in patient.get("/").text


def test_reading_the_pages_writes_nothing(owner: Client) -> None:
    for name in ("site", "site_preview", "site_questionnaire"):
        assert owner.get(page(name)).status_code == 200

    assert not Draft.objects.exists()
    assert not AuditEvent.objects.filter(verb__startswith="site.").exists()


def test_an_empty_site_cannot_be_published(owner: Client, patient: Client) -> None:
    answer = publish(owner)

    assert "Rien n’a été publié" in answer.text
    assert not Publication.objects.exists()


def test_what_changed_since_it_was_seen_is_not_published_unread(
    owner: Client, patient: Client
) -> None:
    write(owner, "presentation", "Texte relu")
    seen = owner.get(page("site")).context["workshop"].content.fingerprint
    write(owner, "access", "Texte que personne n’a relu")

    answer = owner.post(page("site_publish"), {"seen": seen}, follow=True)

    assert "le brouillon a changé entre-temps" in answer.text
    assert not Publication.objects.exists()


def test_two_who_write_the_same_text_do_not_overwrite_each_other(owner: Client) -> None:
    seen = owner.get(page("site_text", "access")).context["form"]["seen"].value()
    owner.post(page("site_text", "access"), {"text": "Le premier", "seen": seen})

    late = owner.post(page("site_text", "access"), {"text": "Le second", "seen": seen})
    draft = Draft.objects.get().access
    again = late.context["form"]["seen"].value()
    owner.post(page("site_text", "access"), {"text": "Le second", "seen": again})

    assert late.status_code == 422
    assert "Le premier" in late.text
    assert "Le second" in late.text
    assert draft == "Le premier"
    assert Draft.objects.get().access == "Le second"


@pytest.mark.parametrize("part", ["presentation", "access", "prices", "payment", "practical"])
def test_nothing_published_holds_markup_typed_by_a_person(
    owner: Client, patient: Client, part: str
) -> None:
    write(owner, part, HOSTILE)

    publish(owner)

    for address in ("/", "/mentions-legales/"):
        shown = patient.get(address).text
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
    assert "&lt;script&gt;" in patient.get("/").text
    assert "{{ 7|add:7 }}" in patient.get("/").text


def test_a_text_of_many_pages_is_refused_and_the_form_comes_back(owner: Client) -> None:
    """Past 64 kB, which no form needs, the request is refused before it is read (config/request_body.py)."""
    assert write(owner, "presentation", "mot " * 250_000).status_code == 413

    answer = write(owner, "presentation", "mot " * 15_000)

    assert answer.status_code == 422
    assert "2000" in answer.text
    assert not Draft.objects.exists()


def test_texts_that_are_too_long_together_are_not_published(owner: Client, host: str) -> None:
    lengths = {
        "presentation": 2000,
        "access": 800,
        "prices": 800,
        "payment": 400,
        "practical": 1000,
    }
    for part, length in lengths.items():
        write(owner, part, "x" * length)
    for number in range(7):
        practitioner = make_practitioner(f"Modèle {number}", position=number + 1)
        owner.post(
            page("site_card", practitioner.ref),
            {"profession": "osteopathe", "presentation": "y" * 500},
        )

    answer = publish(owner)

    assert "trop longs ensemble" in answer.text
    assert not Publication.objects.exists()


def test_the_preview_is_the_patients_page_with_the_draft_in_it(
    owner: Client, patient: Client
) -> None:
    write(owner, "presentation", "Brouillon du fronton")
    owner.post(page("site_colour"), {"colour": "#e0218a"})
    send_photo(owner)

    shown = owner.get(page("site_preview"))

    assert "Brouillon du fronton" in shown.text
    assert "Aperçu du brouillon" in shown.text
    assert "La façade, porte bleue" in shown.text
    assert shown["Cache-Control"] == "no-store" or "no-store" in shown["Cache-Control"]
    for address in (
        page("site_preview_colour"),
        page("site_preview_picture", Picture.objects.get().ref, "petite"),
    ):
        assert address in shown.text
        assert owner.get(address).status_code == 200
        assert patient.get(address).status_code == 302
    assert "Brouillon" not in patient.get("/").text


# --- Pictures -----------------------------------------------------------------------------------------


def test_a_photo_is_shown_once_published_with_its_words(owner: Client, patient: Client) -> None:
    send_photo(owner, credit="Studio Fictif")
    picture = Picture.objects.get()
    address = reverse("booking:picture", args=[picture.ref, "grande"])
    hidden = patient.get(address).status_code

    publish(owner)
    shown = patient.get("/").text
    answer = patient.get(address)

    assert hidden == 404
    assert 'alt="La façade, porte bleue"' in shown
    assert "Photo\N{NO-BREAK SPACE}: Studio Fictif" in shown
    assert 'width="1200" height="800"' in collapsed(shown)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer["Cache-Control"]
    assert "max-age=31536000" in answer["Cache-Control"]
    assert not answer.cookies
    assert patient.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert picture.licence_scope == "site web du client"


def test_a_picture_taken_off_is_gone_for_patients_and_from_the_database(
    owner: Client, patient: Client
) -> None:
    send_photo(owner)
    publish(owner)
    address = reverse("booking:picture", args=[Picture.objects.get().ref, "petite"])

    owner.post(page("site_picture", "photo"), {"action": "remove"})
    still = patient.get(address).status_code
    write(owner, "presentation", "Sans photo")
    publish(owner)

    assert still == 200
    assert patient.get(address).status_code == 404
    assert not PictureFile.objects.exists()


def test_replacing_a_photo_keeps_the_published_one_until_publishing(
    owner: Client, patient: Client
) -> None:
    send_photo(owner)
    publish(owner)
    first = Picture.objects.get().ref

    send_photo(owner, file=photo_file((700, 700)), alt="La porte")
    kept = Picture.objects.count()
    publish(owner)

    assert kept == 2
    assert [picture.ref for picture in Picture.objects.all()] != [first]
    assert patient.get(reverse("booking:picture", args=[first, "grande"])).status_code == 404


def test_unpublishing_hides_the_pictures_at_once(owner: Client, patient: Client) -> None:
    send_photo(owner)
    publish(owner)
    address = reverse("booking:picture", args=[Picture.objects.get().ref, "grande"])

    owner.post(page("site_unpublish"))

    assert patient.get(address).status_code == 404


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("rights_holder", ""),
        ("has_right", ""),
        ("alt", ""),
        ("people", ""),
        ("people", "patient"),
        ("file", ""),
    ],
)
def test_a_photo_without_its_rights_or_words_is_refused(
    owner: Client, field: str, typed: str
) -> None:
    answer = send_photo(owner, **{field: typed})

    assert answer.status_code == 422
    assert not Picture.objects.exists()
    if field != "file":
        assert "Choisissez l’image à nouveau" in answer.text


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "JPEG"),
        ("photo.jpg", b"<html><script>alert(1)</script>", "JPEG"),
        ("photo.jpg", b"", "JPEG"),
        ("photo.jpg", photo_file((300, 200)).getvalue(), "trop petite"),
    ],
)
def test_a_file_that_cannot_be_shown_is_refused_in_words(
    owner: Client, name: str, data: bytes, expected: str
) -> None:
    file = io.BytesIO(data)
    file.name = name

    answer = send_photo(owner, file=file)

    assert answer.status_code == 422
    assert expected in answer.text
    assert not Picture.objects.exists()


def test_words_of_a_photo_change_without_sending_it_again(owner: Client, patient: Client) -> None:
    send_photo(owner)
    publish(owner)

    send_photo(owner, file="", alt="Le fronton et la porte")
    before = patient.get("/").text
    publish(owner)

    assert Picture.objects.count() == 1
    assert "La façade" in before
    assert "Le fronton et la porte" in patient.get("/").text


def test_a_logo_stands_beside_the_name(owner: Client, patient: Client) -> None:
    typed = {"file": photo_file((400, 400), "PNG"), "rights_holder": "Moi", "has_right": "on"}
    owner.post(page("site_picture", "logo"), typed)
    publish(owner)

    shown = patient.get("/mes-donnees/").text

    assert '<img class="logo"' in shown
    assert 'alt=""' in shown


@pytest.mark.parametrize("size", ["moyenne", "grande.php", "..."])
def test_only_two_sizes_exist(owner: Client, patient: Client, size: str) -> None:
    send_photo(owner)
    publish(owner)

    ref = Picture.objects.get().ref
    assert patient.get(f"/image/{ref}/{size}/").status_code == 404
    assert patient.get(f"/image/{uuid.uuid4()}/grande/").status_code == 404


@pytest.mark.parametrize("path", ["/marque.css", f"/image/{uuid.UUID(int=1)}/grande/"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_files_of_the_site_take_no_other_method(
    patient: Client, cabinet: Cabinet, path: str, method: str
) -> None:
    assert getattr(patient, method)(path).status_code == 405


# --- Colour -------------------------------------------------------------------------------------------


def test_a_colour_is_corrected_with_a_word_and_served_with_an_etag(
    owner: Client, patient: Client
) -> None:
    answer = owner.post(page("site_colour"), {"colour": "#FFFF00"}, follow=True)
    nothing = patient.get("/marque.css").status_code
    publish(owner)

    sheet = patient.get("/marque.css")

    assert "Nous l’avons assombrie" in answer.text
    assert nothing == 404
    assert sheet["Content-Type"].startswith("text/css")
    assert "--accent:#" in sheet.text
    assert "#ffff00" not in sheet.text
    assert patient.get("/marque.css", headers={"If-None-Match": sheet["ETag"]}).status_code == 304
    assert "/marque.css?v=ffff00" in patient.get("/").text
    assert "/marque.css" not in owner.get(page("site")).text


def test_a_colour_is_tried_without_being_saved(owner: Client) -> None:
    answer = owner.post(page("site_colour"), {"colour": "#e0218a", "action": "try"})

    assert answer.status_code == 200
    assert "#7c2b51" in answer.text
    assert not Draft.objects.exclude(colour="").exists()


@pytest.mark.parametrize("typed", ["", "red", "#12345", "#0a4f5c;}", "x" * 5000])
def test_an_invalid_colour_is_refused(owner: Client, typed: str) -> None:
    assert owner.post(page("site_colour"), {"colour": typed}).status_code == 422


def test_the_colour_of_the_house_comes_back(owner: Client, patient: Client) -> None:
    owner.post(page("site_colour"), {"colour": "#e0218a"})
    write(owner, "access", "Bus 3")
    publish(owner)
    owner.post(page("site_colour"), {"action": "remove"})
    publish(owner)

    assert "marque.css" not in patient.get("/").text


# --- Practitioners and their numbers --------------------------------------------------------------------


def test_a_number_shows_only_when_its_holder_asks(
    owner: Client, patient: Client, cabinet: Cabinet
) -> None:
    typed = {"profession": "osteopathe", "presentation": "Diplômée en 2010", "rpps": "10005173140"}
    address = page("site_card", cabinet.practitioner.ref)

    owner.post(address, typed)
    publish(owner)
    hidden = patient.get("/").text + patient.get("/mentions-legales/").text
    owner.post(address, {**typed, "display_requested": "on"})
    publish(owner)

    assert "Diplômée en 2010" in hidden
    assert "10005173140" not in hidden
    assert "10005173140" in patient.get("/").text
    assert "10005173140" in patient.get("/mentions-legales/").text
    assert Card.objects.get().display_requested_at is not None
    assert AuditEvent.objects.filter(verb="site.number_shown").count() == 1


def test_each_missing_mention_leads_to_the_page_where_it_is_filled_in(
    owner: Client, cabinet: Cabinet
) -> None:
    cabinet.location.street = ""
    cabinet.location.save(update_fields=["street"])
    card = page("site_card", cabinet.practitioner.ref)
    owner.post(card, {"profession": "kine"})

    shown = owner.get(page("site"))
    missing = {url: label for label, url in shown.context["missing"]}

    assert cabinet.practitioner.name in missing[card]
    assert page("site_text", "prices") in missing
    assert all(f'<a href="{url}">' in shown.text for url in missing)


def test_nobody_asks_in_the_place_of_a_colleague_who_has_an_account(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    colleague = make_practitioner("Hugo Fictif", user=make_member(Role.PRACTITIONER))
    typed = {"profession": "osteopathe", "rpps": "10005173140", "display_requested": "on"}

    owner.post(page("site_card", colleague.ref), typed)
    by_owner = Card.objects.get().display_requested
    assert colleague.user is not None
    browser(host, colleague.user).post(page("site_card", colleague.ref), typed)

    assert by_owner is False
    assert Card.objects.get().display_requested is True


def test_a_practitioner_writes_their_own_presentation_and_nothing_else(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    colleague = make_practitioner("Hugo Fictif", user=make_member(Role.PRACTITIONER))
    assert colleague.user is not None
    client = browser(host, colleague.user)

    own = client.post(
        page("site_card", colleague.ref), {"profession": "osteopathe", "presentation": "Bonjour"}
    )
    other = client.post(page("site_card", cabinet.practitioner.ref), {"profession": "osteopathe"})
    whole = [
        client.post(page(name, *arguments)).status_code
        for name, arguments in (
            ("site_text", ("access",)),
            ("site_colour", ()),
            ("site_picture", ("photo",)),
            ("site_questionnaire", ()),
            ("site_publish", ()),
            ("site_unpublish", ()),
        )
    ]
    shown = client.get(page("site"))

    assert (own.status_code, other.status_code) == (302, 404)
    assert whole == [403] * 6
    assert "le titulaire du cabinet publie" in shown.text
    assert "Publier mon site" not in shown.text
    assert "Maite Exemple</b>" not in shown.text.partition("<main")[2]


def test_a_physiotherapist_publishes_with_both_numbers_fees_and_payment_only(
    owner: Client, patient: Client, cabinet: Cabinet
) -> None:
    address = page("site_card", cabinet.practitioner.ref)
    write(owner, "presentation", "Bonjour")
    owner.post(address, {"profession": "kine"})
    refused = publish(owner)
    owner.post(address, {"profession": "kine", "rpps": "10005173140", "order_number": "64/1234"})
    write(owner, "prices", "Tarif conventionné")
    write(owner, "payment", "Carte, chèque")

    publish(owner)

    assert "Rien n’a été publié" in refused.text
    for words in ("RPPS", "Ordre", "honoraires", "moyens de paiement"):
        assert words in refused.text
    shown = patient.get("/").text
    assert "10005173140" in shown
    assert "64/1234" in shown


@pytest.mark.parametrize(
    ("field", "typed"),
    [("rpps", "123"), ("adeli", "abc"), ("order_number", "<b>"), ("profession", "sorcier")],
)
def test_a_card_that_cannot_be_is_refused(
    owner: Client, cabinet: Cabinet, field: str, typed: str
) -> None:
    values = {"profession": "osteopathe", field: typed}

    answer = owner.post(page("site_card", cabinet.practitioner.ref), values)

    assert answer.status_code == 422
    assert not Card.objects.exists()


def test_a_doubtful_rpps_is_kept_with_a_word(owner: Client, cabinet: Cabinet) -> None:
    values = {"profession": "osteopathe", "rpps": "10101201234"}

    answer = owner.post(page("site_card", cabinet.practitioner.ref), values, follow=True)

    assert "relisez ses chiffres" in answer.text
    assert Card.objects.get().rpps == "10101201234"


# --- The questionnaire ----------------------------------------------------------------------------------

ANSWERS = {"receives": ["adults"], "transport": "Bus 3, arrêt Église", "payments": ["card"]}


def test_the_answers_prepare_the_empty_texts_and_touch_no_written_one(owner: Client) -> None:
    write(owner, "access", "Sonnette du milieu")

    answer = owner.post(page("site_questionnaire"), ANSWERS, follow=True)

    draft = Draft.objects.get()
    assert draft.presentation == "Le cabinet reçoit les adultes."
    assert draft.payment == "Paiement accepté\u00a0: carte bancaire."
    assert draft.access == "Sonnette du milieu"
    assert "Relisez-les, puis publiez" in answer.text
    assert not Publication.objects.exists()


def test_answering_again_changes_only_what_the_answers_had_written(owner: Client) -> None:
    owner.post(page("site_questionnaire"), ANSWERS)
    write(owner, "payment", "Chèque seulement")

    owner.post(page("site_questionnaire"), {"receives": ["children"], "payments": ["cash"]})

    draft = Draft.objects.get()
    assert draft.presentation == "Le cabinet reçoit les enfants."
    assert draft.payment == "Chèque seulement"
    assert Questionnaire.objects.count() == 1


def test_the_questionnaire_shows_what_is_known_and_what_was_answered(
    owner: Client, cabinet: Cabinet
) -> None:
    owner.post(page("site_questionnaire"), ANSWERS)

    shown = owner.get(page("site_questionnaire")).text

    assert "Consultation, 45 min" in shown
    assert "12 rue de la Falaise" in shown
    assert "Bus 3, arrêt Église" in shown
    assert 'type="file"' not in shown


def test_the_questionnaire_refuses_a_patients_name(owner: Client) -> None:
    answer = owner.post(page("site_questionnaire"), {"to_bring": "Mme Spécimen apporte ses radios"})

    assert answer.status_code == 422
    assert "Ne nommez aucun patient" in answer.text
    assert not Questionnaire.objects.exists()


def test_a_text_that_seems_to_name_a_patient_is_pointed_at(owner: Client) -> None:
    write(owner, "presentation", "Merci à Mme Spécimen, guérie.")

    shown = owner.get(page("site")).text

    assert "«\u00a0Mme Spécimen\u00a0»" in shown


# --- Rooms of others, many, and how much is asked ---------------------------------------------------------


@pytest.mark.parametrize("name", ["site_text", "site_picture"])
def test_a_part_that_does_not_exist_is_not_found(owner: Client, name: str) -> None:
    assert owner.get(page(name, "inconnu")).status_code == 404


def test_a_practice_of_a_hundred_asks_no_more_than_one_of_one(
    owner: Client, patient: Client, count_queries: Callable[[], Any]
) -> None:
    with count_queries() as alone:
        owner.get(page("site"))
    Practitioner.objects.bulk_create(
        Practitioner(name=f"Modèle {number}", position=number) for number in range(100)
    )

    with count_queries() as many:
        answer = owner.get(page("site"))

    assert answer.status_code == 200
    assert len(many) <= len(alone)
    assert len(alone) <= 16


def test_the_longest_page_stays_small(owner: Client, patient: Client) -> None:
    lengths = {
        "presentation": 2000,
        "access": 800,
        "prices": 800,
        "payment": 400,
        "practical": 1000,
    }
    for part, length in lengths.items():
        write(owner, part, ("é’ù " * length)[:length])
    send_photo(owner)
    bare = len(patient.get("/").content)
    publish(owner)

    weight = len(patient.get("/").content)

    assert weight - bare < 14_000


def test_another_practices_picture_is_not_found(
    committed_tenant: Callable[[str], Unit],
) -> None:
    refs = {}
    for name in ("uneimage", "autreimage"):
        with inside(committed_tenant(name)):
            cabinet = Cabinet()
            known = practice_facts(cabinet.practice, [cabinet.practitioner])
            acting: dict[str, Any] = {"known": known, "actor": "system", "now": NOW}
            picture = gallery.put_picture(
                kind="photo",
                encoded=encode_photo(photo_file()),
                described={"alt": "Une porte", "rights_holder": "Moi"},
                **acting,
            )
            publication.publish(by=None, seen=None, **acting)
            refs[name] = picture.ref

    found = {
        (host, name): Client(SERVER_NAME=f"{host}.lib-rdv.localhost")
        .get(f"/image/{ref}/grande/")
        .status_code
        for host in refs
        for name, ref in refs.items()
    }

    assert found == {(host, name): 200 if host == name else 404 for host in refs for name in refs}
