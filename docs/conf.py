"""The site, as Sphinx builds it: `make docs`."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "keras_resnets"
author = "the keras_resnets developers"
release = metadata.version("keras-resnets")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.githubpages",
    "pages",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"keras_resnets {release}"
html_static_path = ["_static"]
html_js_files = ["sortable.js"]
html_copy_source = False

# Notebooks and the cells of a page run at each build; one that fails stops it.
nb_execution_mode = "force"
nb_execution_timeout = 3600  # seconds a cell: the machine may have other work
nb_execution_raise_on_error = True
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
