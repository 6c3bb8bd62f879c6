"""Drawing the plain texts of a practice's pages."""

from django import template

from tenants.website.plain_text import TextBlock, blocks

register = template.Library()


@register.filter("blocks")
def as_blocks(text: str) -> list[TextBlock]:
    """`{% for block in text|blocks %}`: paragraphs and lists; typed markup stays text."""
    return blocks(text)
