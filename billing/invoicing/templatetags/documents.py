"""The hashes of documents on staff pages."""

from django import template

register = template.Library()


@register.filter
def fingerprint(value: bytes | memoryview) -> str:
    """Write a hash as hexadecimal digits in groups of eight, which may break."""
    digits = bytes(value).hex()
    return " ".join(digits[start : start + 8] for start in range(0, len(digits), 8))
