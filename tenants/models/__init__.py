"""The shared tables: tenants, their host names, provisioning, readiness and operating figures."""

from tenants.models.domain import Domain
from tenants.models.health import Health
from tenants.models.heartbeat import Heartbeat
from tenants.models.provisioning_step import ProvisioningStep
from tenants.models.readiness import Readiness
from tenants.models.tenant import Tenant

__all__ = ["Domain", "Health", "Heartbeat", "ProvisioningStep", "Readiness", "Tenant"]
