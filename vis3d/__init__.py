"""See, measure and print what is in a CT scan.

Names are loaded on first use: `import vis3d` alone imports neither NumPy nor VTK. The list
of them, and the module each comes from, is `__init__.pyi`.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
