"""Access to the staff pages: sign-in, ``is_staff``, a second factor, the method, and the public host only."""

import pytest
from django.test import Client

from tenants.desk.urls import urlpatterns
from tenants.schema import Unit
from tests.accounts import browser, make_member, make_user
from tests.staff import address

NAMES = ["overview", "search"]


def test_every_route_of_the_frame_is_covered_by_these_tests() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_anonymous_request_is_redirected_to_the_sign_in_page(
    public: Unit, public_host: str, name: str
) -> None:
    answer = browser(public_host).get(address(f"desk:{name}"))

    assert answer["Location"].startswith("/connexion/?next=")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_the_frame_refuses_an_account_that_is_not_staff(
    public: Unit, public_host: str, name: str
) -> None:
    answer = browser(public_host, make_user()).get(address(f"desk:{name}"))

    assert answer.status_code == 403
    assert "réservée à l’équipe de lib-rdv" in answer.text


@pytest.mark.parametrize("name", NAMES)
def test_a_member_of_staff_without_a_second_factor_adds_one_first(
    public: Unit, public_host: str, name: str
) -> None:
    user = make_user("iban@example.org", is_staff=True)

    answer = browser(public_host, user).get(address(f"desk:{name}"))

    assert answer["Location"] == address("mfa_index")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("method", "status"), [("get", 200), ("head", 200), ("post", 405)])
def test_a_page_of_the_frame_only_shows(staff: Client, name: str, method: str, status: int) -> None:
    answer = getattr(staff, method)(address(f"desk:{name}"))

    assert answer.status_code == status


def test_a_staff_page_is_not_kept_by_the_browser(staff: Client) -> None:
    assert "no-store" in staff.get(address("desk:overview"))["Cache-Control"]


@pytest.mark.parametrize("path", ["/bureau/", "/bureau/veille/", "/bureau/recherche/"])
def test_staff_pages_are_unknown_on_the_host_of_a_practice(
    tenant: Unit, host: str, path: str
) -> None:
    assert browser(host, make_member()).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/"])
def test_no_admin_answers_anywhere(public: Unit, public_host: str, host: str, path: str) -> None:
    assert browser(public_host).get(path).status_code == 404
    assert browser(host).get(path).status_code == 404
