"""The practice's own pages: texts, one photo, a logo, a colour; a draft, and what is published of it.

Nothing here holds markup typed by a person, and nothing knows booking: agendas are named by their ref.
"""
