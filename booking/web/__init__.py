"""Pages of booking: patients' pages, the dashboard of a practice, and the connect host of Google.

Views read a request, call one service or query and render a template. They hold no SQL and no writes.
Only ``config`` (the URL configuration) imports this package.
"""
