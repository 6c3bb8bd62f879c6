"""The shared models: who our clients are, under which names they answer, how their spaces work."""

from tenants.models.domain import Domain
from tenants.models.health import Health
from tenants.models.heartbeat import Heartbeat
from tenants.models.provisioning_step import ProvisioningStep
from tenants.models.readiness import Readiness
from tenants.models.tenant import Tenant

__all__ = ["Domain", "Health", "Heartbeat", "ProvisioningStep", "Readiness", "Tenant"]
