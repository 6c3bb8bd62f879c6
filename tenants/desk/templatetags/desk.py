"""Template tag that renders the fragments of higher packages in a staff page."""

from django import template
from django.template.context import Context
from django.template.engine import Engine
from django.utils.safestring import SafeString

from tenants.desk.fragments import Fragment

register = template.Library()


@register.simple_tag(takes_context=True)
def fragment(context: Context, item: Fragment) -> SafeString:
    """Render a fragment with its context on top of the page's context, like ``include``."""
    with context.push(**item.context):
        return Engine.get_default().get_template(item.template).render(context)
