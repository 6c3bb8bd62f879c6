"""The tables of a practice's website."""

from tenants.website.models.draft import Card, Draft
from tenants.website.models.picture import Picture, PictureFile
from tenants.website.models.publication import Publication
from tenants.website.models.questionnaire import Questionnaire

__all__ = ["Card", "Draft", "Picture", "PictureFile", "Publication", "Questionnaire"]
