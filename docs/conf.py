"""The configuration of Sphinx: `nox -s docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from sunco import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "sunco"
author = "The sunco maintainers"
project_copyright = f"{author}, MIT licence"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "namespaces",
]
exclude_patterns = ["_build", "_try"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "literal"
add_module_names = False
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_preserve_defaults = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"

html_theme = "furo"
html_title = f"sunco {version}"
html_static_path = ["_static"]
html_css_files = ["sunco.css"]
html_show_sourcelink = False
# The search finds more than an index of all names, which nothing links to.
html_use_index = False
html_domain_indices = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
