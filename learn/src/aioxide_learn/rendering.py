"""From Markdown to HTML that is safe to show, with highlighted code."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

#: What a card, chapter, plan or note may contain. Styles, scripts, frames, forms, and addresses
#: other than of the web are taken out.
_TAGS = {
    *("a", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "input", "kbd", "label", "li", "ol", "p"),
    *("pre", "s", "span", "strong", "sub", "summary", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "div": {"class"},
    "h1": {"id"},
    "h2": {"id"},
    "h3": {"id"},
    "h4": {"id"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "td": {"align"},
    "th": {"align"},
}
_CODE_TAG = re.compile(r"[A-Za-z0-9_+.-]+")

Picture = Callable[[str], str | None]


def _highlight(code: str, language: str, _attributes: str) -> str:
    # The lexers are many: only those used are imported.
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    name = _CODE_TAG.match(language or "text")
    try:
        lexer = get_lexer_by_name(name.group() if name else "text", stripnl=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text", stripnl=False)
    body = highlight(code, lexer, HtmlFormatter(nowrap=True))
    # A box that scrolls must be reachable by the keyboard.
    return f'<pre class="code" tabindex="0"><code>{body}</code></pre>'


def _fence(
    self: object, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    return _highlight(token.content, token.info.strip().partition(" ")[0], "") + "\n"


@functools.cache
def _parser() -> MarkdownIt:
    # HTML in a source is shown as text: nothing an author writes is taken for a tag.
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("code_block", _fence)
    return parser


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS - {"input", "label"},
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


@functools.lru_cache(maxsize=2048)
def markdown(text: str) -> str:
    """Return HTML of a text in Markdown, sanitised."""
    return _clean(_parser().render(text))


def document(
    text: str, picture: Picture = lambda source: None
) -> tuple[str, list[tuple[str, str]]]:
    """Return HTML of a long text, with anchors at its headings, and these: ``(anchor, title)``.

    Args:
        text: Markdown.
        picture: from the source of a picture as written to the address it is served at; None
            takes the picture out.
    """
    parser = _parser()
    tokens = parser.parse(text)
    headings = _set_anchors(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                address = picture(str(child.attrs.get("src", "")))
                if address is None:
                    child.type, child.tag, child.content = "text", "", child.content
                    child.children = None
                else:
                    child.attrs["src"] = address
    return _clean(parser.renderer.render(tokens, parser.options, {})), headings


def _set_anchors(tokens: list[Token]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    taken: dict[str, int] = {}
    for token, inline in zip(tokens, tokens[1:], strict=False):
        if token.type != "heading_open":
            continue
        title = "".join(child.content for child in inline.children or ())
        anchor = slug(title)
        taken[anchor] = taken.get(anchor, -1) + 1
        if taken[anchor]:
            anchor = f"{anchor}-{taken[anchor]}"
        token.attrs["id"] = anchor
        if token.tag in ("h2", "h3"):
            found.append((anchor, title))
    return found


def slug(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", title.strip().lower())
    return kept.replace(" ", "-")


def style_sheet() -> str:
    """Return the style sheet of highlighted code on a light ground."""
    from pygments.formatters.html import HtmlFormatter

    return str(HtmlFormatter(style="default").get_style_defs("pre.code"))
