"""Receiving files: in memory, a bounded number of bytes for a whole request, never on disk.

What comes after the limit is read and dropped, so that the form can say that the picture is too heavy.
"""

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from tenants.website.pictures import MOST_BYTES


class BoundedUpload(FileUploadHandler):
    """Keeps the first bytes of what is sent, of all files of a request together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = MOST_BYTES + 1
        self._held = io.BytesIO()

    def new_file(
        self,
        field_name: str,
        file_name: str,
        content_type: str,
        content_length: int | None,
        charset: str | None = None,
        content_type_extra: dict[str, bytes] | None = None,
    ) -> None:
        """Begin with nothing kept of this file."""
        super().new_file(
            field_name, file_name, content_type, content_length, charset, content_type_extra
        )
        self._held = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep what there is still room for."""
        self._room -= self._held.write(raw_data[: self._room])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """Hand over what was kept."""
        size = self._held.tell()
        self._held.seek(0)
        return InMemoryUploadedFile(
            file=self._held,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
