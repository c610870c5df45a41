"""The keys that the page knows, in a `dialog` that lists them. What they do is in `page/6-keys.js`."""

from html import escape

from ui.words import Words

KEYS = {
    "send": ["Enter"],
    "line": ["Shift", "Enter"],
    "edit": ["↑"],
    "new": ["Ctrl", "Shift", "O"],
    "search": ["Ctrl", "K"],
    "walk": ["↑ ↓"],
    "close": ["Esc"],
    "list": ["?"],
}


def dialog(words: Words) -> str:
    """The button that opens it, and the dialog."""
    rows = "".join(_row(keys, words(f"keys.{name}")) for name, keys in KEYS.items())
    title, close = escape(words("keys.title")), escape(words("keys.done"))
    return (
        f'<button type="button" id="to-keys" aria-haspopup="dialog">{title}</button>'
        f'<dialog id="keys-list" aria-labelledby="keys-title"><h2 id="keys-title">{title}</h2><dl>{rows}</dl>'
        f'<form method="dialog"><button>{close}</button></form></dialog>'
    )


def _row(keys: list[str], does: str) -> str:
    pressed = "+".join(f"<kbd>{escape(key)}</kbd>" for key in keys)
    return f"<dt>{pressed}</dt><dd>{escape(does)}</dd>"
