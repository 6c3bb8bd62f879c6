"""The shared models: who our clients are, under which names they answer, which duties were done."""

from tenants.models.domain import Domain
from tenants.models.heartbeat import Heartbeat
from tenants.models.readiness import Readiness
from tenants.models.tenant import Tenant

__all__ = ["Domain", "Heartbeat", "Readiness", "Tenant"]
