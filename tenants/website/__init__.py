"""The website of a practice: texts, a photo, a logo and a colour, as a draft and as a publication.

Owns Draft, Card, Picture, PictureFile, Publication and Questionnaire. Texts contain no markup. The package
does not import ``booking``: it identifies agendas by their ref.
"""
