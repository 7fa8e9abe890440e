"""The site: `make docs`.  Sphinx and MyST; why, in decisions/docs-site.md."""

import inspect
import re
from typing import Any

project = "drl-toolkit"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
highlight_language = "none"  # a block without a language is a command line
html_theme = "furo"
html_title = "drl-toolkit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = html_show_copyright = False
toc_object_entries_show_parents = "hide"
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which a browser refuses to plain files
myst_heading_anchors = 3

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "special-members": "__call__",
}
autodoc_typehints_format = "short"
autodoc_type_aliases = {"Array": "Array"}
python_maximum_signature_line_length = 90


def as_written(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are laid out for reading, formula first: they are shown as they stand."""
    if getattr(thing, "_fields", None):  # a NamedTuple: its fields, with what is said beside them
        source = inspect.getsource(thing)
        lines += re.findall(r"^    (\w+: .*)", source, re.MULTILINE)
    if lines:
        block = [".. code-block:: text", "   :class: docstring", ""]
        lines[:] = [*block, *(f"   {line}" for line in lines), ""]


def readable(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str | None, Any]:
    """Protocols are not called; Array is numpy's or torch's, by its name."""
    if getattr(thing, "_is_protocol", False):
        return "", None
    names = (
        text and text.replace("TypeAliasForwardRef('Array')", "Array")
        for text in (signature, returns)
    )
    return tuple(names)


def without_field_numbers(
    app: Any, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """ "Alias for field number 0" tells nothing."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Alias for field") else None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", as_written)
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-skip-member", without_field_numbers)
