"""Fills templates. The environment escapes everything; words and times have their filters in `api.pages.words`."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.pages.words import FILTERS


class Pages:
    """The staff pages' templates."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=ChoiceLoader(
                [
                    PackageLoader("api", "pages/templates"),
                    PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
                ]
            ),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(FILTERS)

    def render(
        self, request: Request, template: str, *, staff: Any = None, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """The page of this template. `staff` is the SignedIn, for the header; None shows no navigation."""
        text = self._templates.get_template(template).render(
            path=request.url.path, staff=staff, status=status, **context
        )
        return HTMLResponse(text, status_code=status)
