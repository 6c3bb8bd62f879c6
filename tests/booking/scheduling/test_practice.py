"""The practice of a schema: its row, its zone, the version of its privacy notice."""

import pytest

from booking.models import Practice
from booking.scheduling.catalogue import (
    bump_notice_version,
    current_practice,
    practice_or_default,
    practice_zone,
    save_practice,
)
from tenants.schema import Unit
from tests.factories import NOW, make_location, make_practice


def test_before_it_is_provisioned_there_are_only_defaults(tenant: Unit) -> None:
    with pytest.raises(Practice.DoesNotExist):
        current_practice()

    assert practice_or_default().name == ""
    assert not Practice.objects.exists()


def test_two_changes_of_the_privacy_notice_are_two_versions_despite_a_stale_row(
    tenant: Unit,
) -> None:
    practice = make_practice()
    stale = current_practice()
    bump_notice_version()
    bump_notice_version()
    stale.save(update_fields=["name"])
    practice.refresh_from_db()

    assert practice.notice_version == 3


@pytest.mark.parametrize(("values", "version"), [({"name": "Autre"}, 2), ({"about": "x"}, 1)])
def test_only_a_field_of_the_privacy_notice_makes_another_version(
    tenant: Unit, values: dict[str, str], version: int
) -> None:
    make_practice()

    saved = save_practice(values=values, actor="system", now=NOW)

    assert saved.notice_version == current_practice().notice_version == version


def test_the_zone_is_that_of_the_first_active_location(tenant: Unit) -> None:
    without = practice_zone().key
    make_location(time_zone="Indian/Mayotte", position=0, is_active=False)
    make_location(time_zone="Pacific/Tahiti", position=2)
    make_location(time_zone="Indian/Reunion", position=1)

    assert (without, practice_zone().key) == ("Europe/Paris", "Indian/Reunion")
