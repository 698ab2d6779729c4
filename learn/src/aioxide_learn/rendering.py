"""From Markdown to HTML that is safe to show, with highlighted code."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    "li": {"class"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "table": {"tabindex"},
    "td": {"align"},
    "th": {"align"},
}
_CODE_TAG = re.compile(r"[A-Za-z0-9_+.-]+")


def _highlight(code: str, language: str, options: str) -> str:
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
    if language == "output":
        return f'<pre class="code output" tabindex="0"><code>{body}</code></pre>'
    if options.startswith("wrong"):
        # Chapters mark so what fails on purpose.
        return (
            '<div class="wrong"><p>This program has a mistake.</p>'
            f'<pre class="code" tabindex="0"><code>{body}</code></pre></div>'
        )
    return f'<pre class="code" tabindex="0"><code>{body}</code></pre>'


def _fence(
    self: object, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    language, _, rest = token.info.strip().partition(" ")
    return _highlight(token.content, language, rest) + "\n"


def _table(
    self: object, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    # As a box of code, it scrolls where it is wider than the page.
    return '<table tabindex="0">\n'


@functools.cache
def _parser() -> MarkdownIt:
    # HTML in a source is shown as text: nothing an author writes is taken for a tag.
    parser = MarkdownIt("commonmark", {"html": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("table_open", _table)
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


@functools.lru_cache(maxsize=512)
def markdown(text: str) -> str:
    """Return HTML of a text in Markdown, sanitised."""
    return _clean(_parser().render(text))


async def render_ahead(*texts: str) -> None:
    """Render texts in a thread, so that :func:`markdown` has them at hand.

    A text that is made to be slow takes seconds: they must not be the loop's.
    """
    await asyncio.to_thread(lambda: [markdown(text) for text in texts])


#: Mark the place of a checkbox in a text: characters for private use, which no source keeps.
_BOX, _BOX_END = "\ue000", "\ue001"
_BRACKETS = re.compile(r"(?:\[[ xX]\] +)?")
_PRIVATE = re.compile(f"[{_BOX}{_BOX_END}]")


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a checklist: `- [ ] text`, or `- [x] text` for one that is done.

    Below a heading "Checklist" each item of a list is one, without the brackets too.

    ``key`` stays while the text does.
    """

    key: str
    text: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A long text.

    Attributes:
        html: sanitised, with an anchor at each heading.
        headings: ``(anchor, title)`` of those of the second level.
        items: of its checklists, in order.
    """

    html: str
    headings: list[tuple[str, str]]
    items: list[Item]


def document(
    text: str,
    *,
    address: Callable[[str], str | None] = lambda target: None,
    picture: Callable[[str], str | None] = lambda source: None,
    box: Callable[[Item], str] = lambda item: "",
) -> Document:
    """Return a long text as HTML.

    Args:
        text: Markdown.
        address: from the target of a link without scheme to its address; None takes the link
            away and leaves its text.
        picture: the same for a picture; None leaves its description.
        box: the HTML of an item's checkbox, which is not sanitised.
    """
    parser = _parser()
    tokens = parser.parse(_PRIVATE.sub("", text))
    headings = _set_anchors(tokens)
    items = _take_boxes(tokens)
    for token in tokens:
        if token.children:
            _set_addresses(token.children, address, picture)
    html = _clean(parser.renderer.render(tokens, parser.options, {}))

    def replaced(match: re.Match[str]) -> str:
        return box(items[int(match[1])])

    return Document(re.sub(f"{_BOX}(\\d+){_BOX_END}", replaced, html), headings, items)


def _set_addresses(
    tokens: list[Token],
    address: Callable[[str], str | None],
    picture: Callable[[str], str | None],
) -> None:
    opened = []
    for token in tokens:
        if token.type == "image":
            source = picture(str(token.attrs.get("src", "")))
            if source is None:
                token.type, token.tag, token.children = "text", "", None
            else:
                token.attrs["src"] = source
        elif token.type == "link_open":
            target = str(token.attrs.get("href", ""))
            if not re.match(r"[a-z]+:", target):
                found = address(target)
                if found is None:
                    token.type, token.tag, token.content = "text", "", ""
                else:
                    token.attrs["href"] = found
            opened.append(token)
        elif token.type == "link_close" and opened.pop().type == "text":
            token.type, token.tag, token.content = "text", "", ""


def _take_boxes(tokens: list[Token]) -> list[Item]:
    """Replace the `[ ]` of each item by a mark; return the items."""
    items: list[Item] = []
    seen: dict[str, int] = {}
    in_checklist = False
    for index, token in enumerate(tokens):
        if token.type == "inline" and tokens[index - 1].type == "heading_open":
            in_checklist = token.content.strip().lower() == "checklist"
        if (
            token.type != "inline"
            or index < 2
            or tokens[index - 2].type != "list_item_open"
            or not token.children
            or not (begun := _BRACKETS.match(token.children[0].content))
            or not (begun[0] or in_checklist)
        ):
            continue
        first = token.children[0]
        plain = "".join(child.content for child in token.children)[begun.end() :].strip()
        seen[plain] = seen.get(plain, -1) + 1
        key = hashlib.sha256(f"{plain}\0{seen[plain]}".encode()).hexdigest()[:16]
        first.content = f"{_BOX}{len(items)}{_BOX_END}{first.content[begun.end() :]}"
        tokens[index - 2].attrJoin("class", "item")
        items.append(Item(key, plain, begun[0][1:2] in ("x", "X")))
    return items


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
        if token.tag == "h2":
            found.append((anchor, title))
    return found


def slug(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", title.strip().lower())
    return kept.replace(" ", "-")


def style_sheet() -> str:
    """Return the style sheet of highlighted code on a light ground."""
    return _styles("default", "pre.code")


def style_sheets() -> str:
    """Return the style sheets of highlighted code, light and dark."""
    chosen = _styles("github-dark", ':root[data-theme="dark"] pre.code')
    of_system = _styles("github-dark", ':root:not([data-theme="light"]) pre.code')
    dark = f"@media (prefers-color-scheme: dark) {{\n{of_system}\n}}"
    return f"{style_sheet()}\n{dark}\n{chosen}\n"


@functools.cache
def _styles(style: str, selector: str) -> str:
    from pygments.formatters.html import HtmlFormatter

    return str(HtmlFormatter(style=style).get_style_defs(selector))
