"""``python -m config.exporter``: the metrics of all processes for Prometheus, on a port of their own.

What happened is counted by the web and worker processes in files of METRICS_DIR; what is so now is
read from the database, as the sweeper. Loopback unless METRICS_BIND says otherwise.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402  # the apps must be ready first
from django.db import DatabaseError, close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402
from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: E402
from prometheus_client.core import GaugeMetricFamily, Metric  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

from config.health import figures  # noqa: E402
from config.start import refuse_unsafe_settings  # noqa: E402


class Now(Collector):
    """What is so at this instant; a database that does not answer leaves the counts alone."""

    def describe(self) -> Iterable[Metric]:
        """Say nothing: registering must not read the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read the promises, the outbox, the practices and the connections."""
        close_old_connections()
        kept, numbers = figures.promise_figures(now=timezone.now())
        yield _gauge("promise_kept", "1 when the promise is kept.", kept, "promise")
        for name, value in numbers.items():
            yield GaugeMetricFamily(f"librdv_{name}", f"See /promises: {name}.", value=value)
        try:
            yield from _of_database()
        except DatabaseError:
            return


def _of_database() -> Iterator[Metric]:
    yield _gauge("outbox_pending", "Entries that wait.", figures.pending_by_kind(), "kind")
    yield _gauge("spaces", "Practices by state.", figures.spaces_by_state(), "state")
    count = figures.connections()
    yield GaugeMetricFamily("librdv_database_connections", "Connections held.", value=count)


def _gauge(name: str, text: str, values: dict[str, bool] | dict[str, int], label: str) -> Metric:
    family = GaugeMetricFamily(f"librdv_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


class Silent(WSGIRequestHandler):
    """Logs no request."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def registry() -> CollectorRegistry:
    """Return everything that is exported."""
    made = CollectorRegistry()
    made.register(Now())
    if settings.METRICS_DIR:
        Path(settings.METRICS_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)
        MultiProcessCollector(made, settings.METRICS_DIR)
    return made


def main() -> None:
    """Serve until the process is ended; one scrape at a time."""
    refuse_unsafe_settings()
    bind, port = settings.METRICS_BIND, settings.METRICS_PORT
    app = make_wsgi_app(registry())
    with make_server(bind, port, app, handler_class=Silent) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
