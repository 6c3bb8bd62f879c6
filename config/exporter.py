"""``python -m config.exporter``: serves the metrics of all processes to Prometheus, on METRICS_PORT.

Web and worker processes write counters to files of METRICS_DIR; gauges are read from the database as the
sweeper. The exporter listens on loopback unless METRICS_BIND is set.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config.health import figures
from config.start import refuse_unsafe_settings


class DatabaseCollector(Collector):
    """The gauges read from the database at each scrape; without a database the counters are still exported."""

    def describe(self) -> Iterable[Metric]:
        """Return no metric: registering must not read the database."""
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
    yield _gauge("outbox_pending", "Pending entries.", figures.pending_by_kind(), "kind")
    yield _gauge("tenants", "Practices by state.", figures.tenants_by_state(), "state")
    count = figures.connections()
    yield GaugeMetricFamily("librdv_database_connections", "Open connections.", value=count)


def _gauge(name: str, text: str, values: dict[str, bool] | dict[str, int], label: str) -> Metric:
    family = GaugeMetricFamily(f"librdv_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


class SilentRequestHandler(WSGIRequestHandler):
    """A request handler without an access log."""

    def log_message(self, *args: object) -> None:
        """Log nothing."""


def registry() -> CollectorRegistry:
    """Return the registry with the gauges, and the counters when METRICS_DIR is set."""
    made = CollectorRegistry()
    made.register(DatabaseCollector())
    if settings.METRICS_DIR:
        Path(settings.METRICS_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)
        MultiProcessCollector(made, settings.METRICS_DIR)
    return made


def main() -> None:
    """Serve until the process ends, one scrape at a time."""
    refuse_unsafe_settings()
    bind, port = settings.METRICS_BIND, settings.METRICS_PORT
    app = make_wsgi_app(registry())
    with make_server(bind, port, app, handler_class=SilentRequestHandler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
