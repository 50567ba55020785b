"""Documents as pages that can be printed: one template each, everything escaped, nothing fetched from elsewhere."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifier.documents.charts import charts, duration
from services.notifier.documents.model import Document
from services.notifier.documents.parts import place_list, word


def reply_page(document: Document) -> str:
    return _environment().get_template("reply.html").render(document=document)


def transparency_page(document: Document) -> str:
    return _environment().get_template("transparency.html").render(document=document, charts=charts(document))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("services.notifier.documents"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"word": word, "moment": _moment, "places": place_list, "duration": duration}
    return environment


def _moment(stamp: str | None) -> str:
    """An instant of a document for people."""
    return "" if stamp is None else f"{stamp[:10]} {stamp[11:19]} UTC"
