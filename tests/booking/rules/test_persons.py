"""A person survives the conversion to bytes and back, whatever was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.rules.persons import Person

TEXT = st.text().filter(lambda text: "\x1f" not in text)


@given(
    st.builds(
        Person,
        first_name=TEXT,
        last_name=TEXT,
        phone=TEXT,
        email=TEXT,
        relative=TEXT,
        previous_email=TEXT,
        extras=st.dictionaries(TEXT, TEXT),
    )
)
def test_what_is_sealed_is_what_is_read(person: Person) -> None:
    assert Person.from_bytes(person.to_bytes()) == person


def test_no_field_can_run_into_the_next_one() -> None:
    person = Person(first_name="Camille\x1fautre", last_name="Spécimen")

    assert Person.from_bytes(person.to_bytes()).first_name == "Camille autre"


def test_an_empty_person_is_read_as_empty() -> None:
    assert Person.from_bytes(Person().to_bytes()).is_empty


@pytest.mark.parametrize("data", [b"", b"{}", b"2\x1f\x1f\x1f\x1f\x1f\x1f\x1f", b"1\x1fonly"])
def test_bytes_that_are_no_person_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # several kinds of them
        Person.from_bytes(data)
