"""Amounts and days on staff pages, written as on documents."""

from django import template

from billing import figures

register = template.Library()
register.filter("euros", figures.euros)
register.filter("long_day", figures.long_day)
register.filter("per_cent", figures.per_cent)
register.filter("figure", figures.number)
