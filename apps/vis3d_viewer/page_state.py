"""What the page shows besides the settings, as it is before anything is open."""

from typing import Any

from vis3d_viewer import (
    continuing,
    drawn_here,
    emphysema,
    exports,
    look3d,
    opening,
    reports,
    workbench,
)

STATE: dict[str, Any] = {
    "facts": "",
    "has_volume": False,
    "unit": "",
    "can_segment": False,
    "planes": {},
    "rows": [],
    "notes": [],
    "windows": [],
    "window_bars": None,
    "job": {"running": False, "what": "", "fraction": 0.0},
    "message": "",
    "download": None,
    "version": 0,
    "view3d": {"state": "waiting", "message": "Preparing the 3D view ..."},
    "theme": "vis3d",
    "pages": 1,
    "back": "grid",  # the layout from before a view was enlarged
    **opening.STATE,
    **look3d.STATE,
    **workbench.STATE,
    **exports.STATE,
    **reports.STATE,
    **continuing.STATE,
    **emphysema.STATE,
    **drawn_here.STATE,
}
"""What the page shows besides the settings; only the server changes it."""
