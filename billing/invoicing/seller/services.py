"""What staff write of the seller and of the reference rates: new rows only, from today on (F-01, F-08)."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.invoicing.models import RefRate, SellerProfile
from billing.invoicing.series import day_in_paris, open_series
from tenants.audit.services import record

_NAMESPACE = uuid.UUID("d3f0c7a4-51c9-4f0c-9a57-0b6de34e9f18")


class ProfileInThePast(Exception):
    """A profile begins today or later: documents of earlier days have used the earlier one."""


@dataclass(frozen=True, slots=True)
class HalfYearRates:
    """Reference rates in per cent from a day on: the refinancing rate of the ECB, the legal interest."""

    valid_from: dt.date
    ecb: Decimal
    legal: Decimal


def add_profile(
    *, values: Mapping[str, Any], valid_from: dt.date, actor: str, now: dt.datetime
) -> SellerProfile:
    """Add the profile of the seller from a day in Paris on, and open the series of this year and the next.

    Issued documents keep what they say (F-21). Raises ProfileInThePast.
    """
    today = day_in_paris(now)
    if valid_from < today:
        raise ProfileInThePast
    profile = SellerProfile.objects.create(valid_from=valid_from, **values)
    open_series(year=today.year)
    open_series(year=today.year + 1)
    record(verb="seller.changed", ref=_ref("seller", profile.pk), actor=actor, now=now)
    return profile


def add_rates(*, rates: HalfYearRates, actor: str, now: dt.datetime) -> RefRate:
    """Add reference rates; of several rows for one day the newest counts."""
    row = RefRate.objects.create(valid_from=rates.valid_from, ecb=rates.ecb, legal=rates.legal)
    record(verb="rates.changed", ref=_ref("rates", row.pk), actor=actor, now=now)
    return row


def _ref(kind: str, key: int) -> uuid.UUID:
    """Return the reference of a row in the journal; the rows have none of their own."""
    return uuid.uuid5(_NAMESPACE, f"{kind}:{key}")
