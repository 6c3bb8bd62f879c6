"""The shared models: who our clients are and under which names they answer."""

from tenants.models.domain import Domain
from tenants.models.tenant import Tenant

__all__ = ["Domain", "Tenant"]
