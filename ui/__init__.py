"""The page: one file a panel, and no state that matters.

app.py        assembles the panels, mounts them on FastAPI, opens and closes the graph; `python -m ui.app`
tab.py        what one browser tab is looking at, and whose it is
chat.py       the conversation and the composer
threads.py    the list of threads
timeline.py   earlier moments: look, fork from one, switch branches
budget.py     what the next prompt holds, the summary, trim now
render.py     messages, moments and threads as what Gradio shows; pure
style.css     page.js
"""
