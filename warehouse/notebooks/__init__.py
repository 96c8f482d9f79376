"""The analysts' notebook: plots of the published aggregate file, served by `engram explore`.

Lives here: the notebook (`explore.py`) and its parts in the order of the data: what each plot asks (`plots/*.sql`), how
the release is opened and read (`reading.py`), how rows are drawn (`drawing.py`) and set into panels (`panels.py`) of a
page (`page.py`, `explore.css`).
Does not live here: what a mart holds (`warehouse/marts/`), how the page is served (`pipelines/explore.py`).
"""
