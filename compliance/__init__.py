"""Data protection above ``booking``: erasure on time and expiry of rows (``retention``)."""
