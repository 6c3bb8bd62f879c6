"""The upload handler keeps files in memory, with one limit for all files of a request."""

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import RequestFactory

from tenants.website.pictures import MOST_BYTES


def received(*sizes: int) -> tuple[QueryDict, dict[str, Any]]:
    """Send files of these sizes; return the files that a view receives."""
    files = {
        f"f{number}": SimpleUploadedFile(f"{number}.jpg", b"x" * size)
        for number, size in enumerate(sizes)
    }
    request = RequestFactory().post("/", {**files, "alt": "words"})
    return request.POST, request.FILES.dict()


def test_a_file_is_received_completely() -> None:
    fields, files = received(70_000)

    assert files["f0"].read() == b"x" * 70_000
    assert fields["alt"] == "words"


def test_bytes_beyond_the_limit_are_discarded() -> None:
    fields, files = received(MOST_BYTES + 5_000_000)

    assert files["f0"].size == MOST_BYTES + 1
    assert isinstance(files["f0"].file, io.BytesIO)
    assert fields["alt"] == "words"


def test_several_files_share_one_limit() -> None:
    _fields, files = received(MOST_BYTES, MOST_BYTES)

    assert sum(file.size for file in files.values()) == MOST_BYTES + 1
