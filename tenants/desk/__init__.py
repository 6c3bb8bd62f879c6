"""The frame of lib-rdv's staff pages: access, navigation, overview, search, sections of a client's sheet.

Owns registries, filled by higher packages in their ``AppConfig.ready()``, and no table. Staff pages of higher
packages use ``access.staff_only`` and ``pages.render_page``. Imports no higher package.
"""
