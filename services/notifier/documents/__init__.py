"""Replies as documents, and figures for the public: values in, documents out. Pure but for the templates, which are data."""

from services.notifier.documents.forms import document_of
from services.notifier.documents.html import reply_page
from services.notifier.documents.model import Document, Dossier, Law, Party, Platform, Received, Sent

__all__ = ["Document", "Dossier", "Law", "Party", "Platform", "Received", "Sent", "document_of", "reply_page"]
