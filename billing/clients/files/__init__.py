"""The files of clients at the desk: legal identity, addresses, territory (G-04, F-12).

Owns the pages of ``Client`` and ``ClientAddress`` and the services that change them; a client may have no practice
before its first order. Higher packages add tabs by ``billing.clients.tabs``.
"""
