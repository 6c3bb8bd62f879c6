"""django-appointment 3.12 on the practice of the bench `slots`; runs in an environment of its own.

Reads one JSON line that describes the practice, builds it, then answers each further line with one
round: the free slots of every date, by the function that its own pages call.
"""

import datetime as dt
import json
import sys
import time
from collections.abc import Callable
from typing import Any


def configure(database: dict[str, Any]) -> None:
    """Set Django up with the peer's app and what it needs, and nothing else."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database}},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.messages",
            "appointment",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="Europe/Paris",
        SECRET_KEY="bench",
        AUTH_USER_MODEL="auth.User",
        LANGUAGE_CODE="en",
        MEDIA_ROOT="",
        ROOT_URLCONF="appointment.urls",
    )
    django.setup()


def build(practice: dict[str, Any]) -> tuple[Any, Any]:
    """Write the practice; return the staff member and the service."""
    from appointment import models  # type: ignore[import-not-found]  # the peer's environment
    from django.contrib.auth import get_user_model

    def clock(minute: int) -> dt.time:
        return dt.time(minute // 60, minute % 60)

    user = get_user_model().objects.create_user("staff")
    service = models.Service.objects.create(
        name="Consultation", duration=dt.timedelta(minutes=practice["duration"]), price=0
    )
    staff = models.StaffMember.objects.create(
        user=user, slot_duration=practice["step"], appointment_buffer_time=0, work_on_saturday=True
    )
    staff.services_offered.add(service)
    for weekday, (start, end) in practice["hours"].items():
        # Sunday is 0 here.
        models.WorkingHours.objects.create(
            staff_member=staff,
            day_of_week=(int(weekday) + 1) % 7,
            start_time=clock(start),
            end_time=clock(end),
        )
    models.Unavailability.objects.bulk_create(
        models.Unavailability(
            staff_member=staff,
            date=dt.date.fromisoformat(on),
            start_time=clock(start),
            end_time=clock(end),
        )
        for on, start, end in practice["pauses"]
    )
    for on in practice["closed"]:
        models.DayOff.objects.create(staff_member=staff, start_date=on, end_date=on)
    requests = models.AppointmentRequest.objects.bulk_create(
        models.AppointmentRequest(
            date=dt.date.fromisoformat(on),
            start_time=clock(start),
            end_time=clock(end),
            service=service,
            staff_member=staff,
            id_request=str(number),
        )
        for number, (on, start, end) in enumerate(practice["appointments"])
    )
    models.Appointment.objects.bulk_create(
        models.Appointment(
            client=user,
            appointment_request=request,
            phone="",
            address="",
            id_request=request.id_request,
        )
        for request in requests
    )
    return staff, service


def main() -> None:
    """Build once, then one round per line."""
    answers, sys.stdout = sys.stdout, sys.stderr  # the peer logs on what it finds there
    practice = json.loads(sys.stdin.readline())
    configure(practice["database"])
    from appointment.services import (  # type: ignore[import-not-found]  # as above
        get_available_slots_for_staff,
    )
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    # The package ships without migrations of its own.
    call_command("migrate", run_syncdb=True, verbosity=0)
    staff, service = build(practice)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    dates = [dt.date.fromisoformat(on) for on in practice["dates"]]

    def search() -> int:
        return sum(
            len(get_available_slots_for_staff(on, staff, (on.weekday() + 1) % 7, service=service))
            for on in dates
        )

    queries = 0

    def counting(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(counting):
        slots = search()
    print(json.dumps({"slots": slots, "queries": queries}), file=answers, flush=True)
    for _line in sys.stdin:
        start = time.perf_counter()
        search()
        print(json.dumps(time.perf_counter() - start), file=answers, flush=True)


if __name__ == "__main__":
    main()
