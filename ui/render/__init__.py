"""What the page shows, as values: a file a panel, and `text`, which makes safe what people wrote. Pure."""
