"""The docstrings of src/ as Google's style has them, for the reference: an extension of griffe, named in mkdocs.yml.

Two things are written shorter in the source. "Example:" is a section as "Examples:" is. Two arguments that are
described together stand in one line, `a, b: (N, 3)`; here each gets the description.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

SHARED = re.compile(
    r"^(?P<indent> {4})(?P<names>\w+(?:, \w+)+): (?P<text>.*(?:\n(?: {5,}.*|\s*(?=\n {5})))*)", re.MULTILINE
)
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


def google(text: str) -> str:
    """One docstring in Google's style.

    Example:
        >>> print(google("Add.\\n\\nArgs:\\n    a, b: metres."))
        Add.
        <BLANKLINE>
        Args:
            a: metres.
            b: metres.
    """

    def apart(match: re.Match[str]) -> str:
        return "\n".join(f"{match['indent']}{name}: {match['text']}" for name in match["names"].split(", "))

    return EXAMPLE.sub("Examples:", SHARED.sub(apart, text))


class Docstrings(Extension):
    """Rewrites every docstring once, when its object is loaded."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """One module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = google(obj.docstring.value)
