"""How Sphinx builds the site; `make docs` runs it."""

import ast
import os
import re
from pathlib import Path

import aioxide

DOCS = Path(__file__).resolve().parent
CHECKOUT = DOCS.parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
REPOSITORY = "https://github.com/aioxide/aioxide"

project = "aioxide"
author = "aioxide contributors"
copyright = author
version = release = aioxide.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["api/_*"]
nitpicky = True
default_role = "literal"
nitpick_ignore_regex = [
    # Types of the standard library in signatures; their documentation is python.org's, and a
    # build reaches no network.
    ("py:.*", r"(?!aioxide).*"),
    # Annotations name a class by the module that defines it, and type variables, which no page
    # has.
    ("py:class", r"aioxide\.\w+\.\S+"),
]

# Headings are link targets, named as GitHub names them: the pages are read in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"aioxide {release}"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
}
# The prompt and the output of a command are not copied.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

_LINK = re.compile(r"(?<!!)(\[[^\[\]]*\]\()(\.\./[^)#\s]*)")


def link_to_repository(app, docname, source) -> None:
    """Make links that leave this folder links to the repository, where GitHub shows the file.

    Raises:
        FileNotFoundError: a link names no file.
    """
    folder = (DOCS / docname).parent

    def replaced(match):
        target = Path(os.path.normpath(folder / match[2]))
        if target.is_relative_to(DOCS):
            return match[0]
        if not target.exists():
            raise FileNotFoundError(f"{docname}.md links to {match[2]}")
        kind = "tree" if target.is_dir() else "blob"
        return f"{match[1]}{REPOSITORY}/{kind}/main/{target.relative_to(CHECKOUT)}"

    source[0] = _LINK.sub(replaced, source[0])


def read_stub() -> dict[str, tuple[str, str]]:
    """Return the arguments and the result of what the native module's stub declares, by name."""
    tree = ast.parse(Path(aioxide.__file__).with_name("_aioxide.pyi").read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, FUNCTIONS):
            found[f"aioxide.{node.name}"] = declared(node)
        elif isinstance(node, ast.ClassDef):
            # The native half of the loop is seen as part of it.
            owner = {"LoopCore": "Loop"}.get(node.name, node.name)
            methods = (member for member in node.body if isinstance(member, FUNCTIONS))
            for method in methods:
                method.args.args = method.args.args[1:]
                found[f"aioxide.{owner}.{method.name}"] = declared(method)
    return found


def declared(function) -> tuple[str, str]:
    return f"({ast.unparse(function.args)})", ast.unparse(function.returns)


def annotate(app, what, name, object, options, signature, returned):
    """Give a native function the types that its stub has; the object itself knows none."""
    return STUB.get(name)


def quote_signature(app, what, name, object, options, lines) -> None:
    """Show a signature that a docstring begins a line with as code: its `*` is no emphasis."""
    own = re.compile(rf"({re.escape(name.rpartition('.')[2])}\([^)]*\))")
    lines[:] = [own.sub(r"``\1``", line) if own.match(line) else line for line in lines]


STUB = read_stub()


def setup(app):
    app.connect("autodoc-process-signature", annotate)
    app.connect("autodoc-process-docstring", quote_signature)
    app.connect("source-read", link_to_repository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
