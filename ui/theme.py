"""Light or dark: the box that chooses. What comes of it is in `page/6-theme.js`."""

from html import escape

from ui.words import Words

COOKIE = "longthread_theme"
THEMES = ("system", "light", "dark")


def theme(chosen: str | None, words: Words) -> str:
    """The box; `chosen` is what the browser's cookie says, `system` where it says nothing of ours."""
    now = chosen if chosen in THEMES else THEMES[0]
    options = "".join(
        f'<option value="{name}"{" selected" * (name == now)}>{escape(words(f"theme.{name}"))}</option>'
        for name in THEMES
    )
    return f'<label id="theme">{escape(words("theme.title"))} <select>{options}</select></label>'
