"""Builds these pages into a site: ``make docs-site``. They read as well where they lie, as Markdown."""

import ticketflow

project = "Ticket Flow"
author = "The Ticket Flow authors"
project_copyright = author
version = release = ticketflow.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]

# The same Markdown that code hosts show: headings are anchors, and a fence of mermaid is a picture.
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_use_ivar = True  # fields are described once, in the docstring of their class

html_theme = "furo"
html_title = f"Ticket Flow {version}"
html_copy_source = False
html_show_sphinx = False

# Answers are shown shortened, with an ellipsis where JSON has none.
suppress_warnings = ["misc.highlighting_failure"]

linkcheck_anchors = False
linkcheck_exclude_documents = ["configuration"]  # addresses there are examples
linkcheck_ignore = [r"http://127\.0\.0\.1"]
linkcheck_timeout = 10
linkcheck_retries = 2
