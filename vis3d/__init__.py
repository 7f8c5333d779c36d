"""See, measure and print what is in a CT scan.

Names are loaded on first use: `import vis3d` alone imports neither NumPy nor VTK. The list
of them, and the module each comes from, is `__init__.pyi`.
"""

import sys
from importlib import import_module

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_SHOWN = {"volume": "Volume", "labels": "LabelMap", "surface": "Surface", "scene": "Scene"}


def _show_in_notebooks() -> None:
    """Have Jupyter show volumes, label maps, surfaces and scenes as pictures with facts."""

    def page(thing: object) -> str:
        # By name: rooms below import this package for its version, and none imports upwards.
        return str(import_module("vis3d.notebook").facts_page(thing))

    shell = sys.modules["IPython"].get_ipython()
    if shell is not None:
        formatter = shell.display_formatter.formatters["text/html"]
        for module, noun in _SHOWN.items():
            formatter.for_type_by_name(f"vis3d.{module}", noun, page)


if "IPython" in sys.modules:
    _show_in_notebooks()
