"""The first line's worth of a text, for a list: `shorten`. Pure."""

PREVIEW = 80
TITLE = 60


def shorten(text: str, length: int) -> str:
    """The first line's worth of `text`, whole words where that costs little, as Postgres can hold it."""
    line = " ".join(text.replace("\0", "").encode("utf-8", "replace").decode().split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > length // 2 else cut).rstrip(" ,;:.") + "…"
