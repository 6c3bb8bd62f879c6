"""The configuration of gunicorn: ``gunicorn --config config/gunicorn.py config.wsgi:application``."""

import gc
import os
from typing import Any

from config.serving import silence_errors
from config.web_worker import WholeRequestWorker

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
# gunicorn's worker with threads; a request is received whole before it takes one (ADR 64).
worker_class = WholeRequestWorker
workers = int(os.environ.get("WEB_WORKERS", "2"))
# A page waits for PostgreSQL and Redis only, so more threads compete for one interpreter: with eight threads
# the slowest of 50 clients waited 1.3 s, with four 0.7 s, at the same rate (make bench BENCH=contention).
threads = int(os.environ.get("WEB_THREADS", "4"))
# The application is loaded before the fork: a new worker serves at once and shares memory pages.
preload_app = True
max_requests = int(os.environ.get("WEB_MAX_REQUESTS", "20000"))
max_requests_jitter = max_requests // 10
timeout = 30
graceful_timeout = 8
# A process accepts a connection when a thread is free and closes it with the response; the other connections
# wait in the kernel's queue for any process. Kept-alive connections stay with their process, and one process
# had four of five: the slowest of 50 clients then waited 2.5 times the mean, instead of 1.5 times (ADR 51).
worker_connections = threads
keepalive = 0
forwarded_allow_ips = os.environ.get("WEB_PROXIES", "127.0.0.1,::1")
# Request lines and headers of a booking page are small; longer ones are an attack or an error.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
logger_class = "config.serving.Logger"
loglevel = os.environ.get("LOG_LEVEL", "INFO").lower()
accesslog = None
proc_name = "lib-rdv"
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Exempt the loaded objects from garbage collection, so that workers keep sharing their memory pages."""
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Close the connections inherited from the parent and install the error response of a worker."""
    from django.db import connections  # the application is loaded by now

    connections.close_all()
    silence_errors()


def worker_exit(server: Any, worker: Any) -> None:
    """Close the main thread's connection; those of the pool end with the process."""
    from django.db import connections  # the application is loaded by now

    connections.close_all()
