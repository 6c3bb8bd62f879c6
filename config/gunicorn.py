"""How gunicorn serves the pages: ``gunicorn --config config/gunicorn.py config.wsgi:application``."""

import gc
import os
from typing import Any

from config.serving import silence_errors

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
# A page waits for PostgreSQL and Redis only, so more threads than this fight for one interpreter: with eight
# the slowest of fifty clients waited 1.3 s, with four 0.7 s, at the same rate (make bench BENCH=contention).
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once, before the fork: a recycled worker serves at once, and pages are shared.
preload_app = True
max_requests = int(os.environ.get("WEB_MAX_REQUESTS", "20000"))
max_requests_jitter = max_requests // 10
timeout = 30
graceful_timeout = 8
# A process takes a connection when a thread is free to answer it, and gives it back with the answer: the others
# wait in one queue, whoever will serve them. Kept ones stay with the process that took them, which was one for
# four of five: the slowest of fifty clients waited two and a half times the mean, one and a half times so.
worker_connections = threads
keepalive = 0
forwarded_allow_ips = os.environ.get("WEB_PROXIES", "127.0.0.1,::1")
# Request lines and headers of a booking page are small; what is longer is an attack or a mistake.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
logger_class = "config.serving.Logger"
loglevel = os.environ.get("LOG_LEVEL", "INFO").lower()
accesslog = None
proc_name = "lib-rdv"
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Let no worker's collector look through what is loaded: it lives as long as they do, and is shared."""
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Let no worker use what the parent opened."""
    from django.db import connections  # the application is loaded by now

    connections.close_all()
    silence_errors()


def worker_exit(server: Any, worker: Any) -> None:
    """Give the main thread's connection back; those of the pool end with the process."""
    from django.db import connections  # the application is loaded by now

    connections.close_all()
