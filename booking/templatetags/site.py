"""Drawing the plain texts of a practice's pages."""

from django import template

from tenants.website.writing import Block, blocks

register = template.Library()


@register.filter("blocks")
def as_blocks(text: str) -> list[Block]:
    """`{% for block in text|blocks %}`: paragraphs and lists; what was typed stays text."""
    return blocks(text)
