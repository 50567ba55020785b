"""Replies as documents, and figures for the public: values in, documents out. Pure but for the templates, which are data."""

from services.notifier.documents.forms import document_of
from services.notifier.documents.html import reply_page, transparency_page
from services.notifier.documents.model import Document, Dossier, Law, Party, Platform, Received, Sent
from services.notifier.documents.table import csv_of
from services.notifier.documents.transparency import Audience, Report, transparency

__all__ = [
    "Audience",
    "Document",
    "Dossier",
    "Law",
    "Party",
    "Platform",
    "Received",
    "Report",
    "Sent",
    "csv_of",
    "document_of",
    "reply_page",
    "transparency",
    "transparency_page",
]
