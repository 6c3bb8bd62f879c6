"""Proof of work of a form, asked of a busy or suspect network, or while a practice is attacked (B-09, C-61).

The browser computes for about a second in a script of the page. Without JavaScript the form is accepted when
it is sent at a person's pace (``limits.NetworkCounts.patience``); the telephone remains, too.
"""

import json
import uuid
from datetime import datetime, timedelta

from altcha import v1 as altcha
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

DIFFICULTY = 150_000
"""Upper bound of the number to find: about a second in the browser of a telephone."""
_VALID_FOR = timedelta(hours=4)


def challenge(*, schema: str, form_ref: uuid.UUID, now: datetime) -> str:
    """Return a challenge of one form, valid for four hours, as JSON for the script of the page."""
    made = altcha.create_challenge(
        altcha.ChallengeOptions(
            hmac_key=_key(schema, form_ref), max_number=DIFFICULTY, expires=now + _VALID_FOR
        )
    )
    return json.dumps(
        {
            "algorithm": made.algorithm,
            "challenge": made.challenge,
            "salt": made.salt,
            "signature": made.signature,
            "maxnumber": made.max_number,
        }
    )


def is_solved(solution: str, *, schema: str, form_ref: uuid.UUID) -> bool:
    """Return whether the solution answers a challenge of this form and has not been used before."""
    if not solution or len(solution) > 2000:
        return False
    try:
        payload = altcha.Payload.from_base64(solution)
        good, _why = altcha.verify_solution(payload, _key(schema, form_ref), check_expires=True)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return good and _spend(schema, payload.challenge)


def _spend(schema: str, challenge_sent: str) -> bool:
    """Mark a challenge as used; return False when it was used before. True when the cache cannot be reached."""
    digest = salted_hmac("booking.spent", challenge_sent, algorithm="sha256").hexdigest()
    try:
        return bool(
            cache.add(f"spent:{schema}:{digest}", 1, timeout=int(_VALID_FOR.total_seconds()))
        )
    except (RedisError, ConnectionError):
        return True


def _key(schema: str, form_ref: uuid.UUID) -> str:
    return salted_hmac(f"booking.work|{schema}", form_ref.hex, algorithm="sha256").hexdigest()
