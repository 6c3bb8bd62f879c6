"""Upload handler: keeps files in memory, with a limit in bytes for the whole request, never on disk.

Bytes beyond the limit are read and discarded, so that the form can report a file that is too large.
"""

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from tenants.website.pictures import MOST_BYTES


class BoundedUpload(FileUploadHandler):
    """Keeps the first MOST_BYTES + 1 bytes of all files of a request together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = MOST_BYTES + 1
        self._buffer = io.BytesIO()

    def new_file(
        self,
        field_name: str,
        file_name: str,
        content_type: str,
        content_length: int | None,
        charset: str | None = None,
        content_type_extra: dict[str, bytes] | None = None,
    ) -> None:
        """Start a file with an empty buffer."""
        super().new_file(
            field_name, file_name, content_type, content_length, charset, content_type_extra
        )
        self._buffer = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep the bytes of the chunk up to the limit."""
        self._room -= self._buffer.write(raw_data[: self._room])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """Return the kept bytes as an uploaded file."""
        size = self._buffer.tell()
        self._buffer.seek(0)
        return InMemoryUploadedFile(
            file=self._buffer,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
