"""The hash chain of a series of documents (F-04). Pure.

A link is SHA-256 over the link before it, the hash of the files and all columns of the document. Each series
begins with its own genesis, because no link may have two successors. JSON is hashed in one canonical form: the
database orders keys in its own way.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def genesis(code: str) -> bytes:
    """Return the head of a series without documents; ``invoicing_open_series`` computes the same."""
    return hashlib.sha256(code.encode()).digest()


def digest_of_files(pdf: bytes, xml: bytes) -> bytes:
    """Return the hash of a document's files, from the SHA-256 of each."""
    return hashlib.sha256(pdf + xml).digest()


def link(prev: bytes, files_hash: bytes, body: Mapping[str, Any]) -> bytes:
    """Return the link of a document; ``body`` holds values of JSON only, amounts as texts."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(prev + files_hash + text.encode()).digest()
