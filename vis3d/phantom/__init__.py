"""A chest CT whose anatomy is exactly known."""

from vis3d.phantom.anatomy import Nodule
from vis3d.phantom.chest import ORIENTATIONS, Phantom, chest_phantom

__all__ = ["ORIENTATIONS", "Nodule", "Phantom", "chest_phantom"]
