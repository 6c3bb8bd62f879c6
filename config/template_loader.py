"""Loading of the project's templates, without the indentation of their lines.

Indentation is for the readers of a template. A browser shows nothing of it, but it would be a fifth of the bytes
of a page, and a patient's page weighs less than 50 kB. Mails in plain text are loaded as they are.
"""

import re

from django.template import Origin
from django.template.loaders import filesystem

_INDENTATION = re.compile(r"\n[ \t]+")


class Loader(filesystem.Loader):
    """Loads from the folders of ``DIRS``."""

    def get_contents(self, origin: Origin) -> str:
        """Return the text of a template; the numbers of its lines stay, for messages about errors."""
        contents = super().get_contents(origin)
        return _INDENTATION.sub("\n", contents) if origin.name.endswith(".html") else contents
