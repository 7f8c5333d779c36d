"""The page itself: trame's own, with our start script in place of its inline one."""

import re
from html import escape
from pathlib import Path

STATIC = Path(__file__).with_name("static")

SCRIPTS = (
    "live",
    "vectors",
    "hand",
    "hand3d",
    "slice_source",
    "slice_view",
    "files",
    "window_histogram",
    "split_bars",
    "local_view",
    "panel_nav",
    "start_page",
    "safety",
)
"""Our components, in an order in which each finds what it uses."""

_PAGE = """<!doctype html>
<html lang="en" data-app-name="vis3d" data-launcher-retry="[]">
<head>
<base href="/">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="vis3d-key" content="{key}">
<meta name="vis3d-idle-minutes" content="{idle}">
<link rel="icon" href="static/icon.svg" type="image/svg+xml">
<title>vis3d</title>
<link rel="stylesheet" href="{style}">
<link rel="stylesheet" href="static/explorer.css">
<link rel="stylesheet" href="static/start_page.css">
<link rel="stylesheet" href="static/work.css">
<script src="static/start.js"></script>
<script src="vue.global.js"></script>
{scripts}
<script type="module" src="{script}"></script>
</head>
<body>
<noscript>vis3d needs JavaScript.</noscript>
<div id="app"><div class="v3-starting" role="status">Starting ...</div></div>
</body>
</html>
"""


def page(www: Path, key: str, *, idle_minutes: float = 0.0) -> str:
    """The HTML that starts trame's client, whose files have a hash in their names.

    Raises:
        RuntimeError: trame's own page isn't as it was in trame-client 4.1.
    """
    stock = (www / "index.html").read_text(encoding="utf-8")
    script = re.search(r'src="\./(assets/[\w.-]+\.js)"', stock)
    style = re.search(r'href="\./(assets/[\w.-]+\.css)"', stock)
    if not (script and style):
        raise RuntimeError("The page of this trame-client is not the one vis3d knows (4.1).")
    ours = "\n".join(f'<script src="static/{name}.js"></script>' for name in SCRIPTS)
    return _PAGE.format(
        key=escape(key),
        script=script[1],
        style=style[1],
        scripts=ours,
        idle=f"{idle_minutes:g}",
    )
