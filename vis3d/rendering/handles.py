"""Handles by which a crop box or a clip plane is moved, on the stage's own window."""

from collections.abc import Callable
from typing import Any, TypeAlias
from weakref import proxy

import numpy as np
from vtkmodules.vtkInteractionWidgets import (
    vtkBoxRepresentation,
    vtkBoxWidget2,
    vtkImplicitPlaneRepresentation,
    vtkImplicitPlaneWidget2,
)

from vis3d.geometry import FloatArray
from vis3d.scene import ClipPlane, CropBox, Handles

Moved: TypeAlias = Callable[[CropBox | ClipPlane], None]

LINE = (0.91, 0.69, 0.29)
HELD = (1.0, 0.88, 0.55)

THINNEST_MM = 1.0
"""A box stays at least so thick, whatever the hand does."""


class BoxHandles:
    """A box with a ball on each side; it stays parallel to the patient's axes."""

    def __init__(self, interactor: Any, moved: Moved) -> None:
        self._shape = vtkBoxRepresentation()
        self._shape.SetPlaceFactor(1.0)
        self._shape.HandlesOn()
        self._shape.GetOutlineProperty().SetColor(LINE)
        self._shape.GetHandleProperty().SetColor(LINE)
        self._shape.GetSelectedHandleProperty().SetColor(HELD)
        self._shape.GetSelectedOutlineProperty().SetColor(HELD)
        self._shape.GetSelectedFaceProperty().SetOpacity(0.06)
        self._shape.SetHandleSize(9)
        self._widget = vtkBoxWidget2()
        self._widget.SetInteractor(interactor)
        self._widget.SetRepresentation(self._shape)
        self._widget.RotationEnabledOff()
        self._widget.ScalingEnabledOff()
        itself = proxy(self)  # the widget holds what hears it
        self._widget.AddObserver("InteractionEvent", lambda *_: moved(itself.value))

    @property
    def value(self) -> CropBox:
        """The box as it stands."""
        bounds = np.array(self._shape.GetBounds()).reshape(3, 2)
        low, high = bounds.min(axis=1), bounds.max(axis=1)
        high = np.maximum(high, low + THINNEST_MM)
        return CropBox(_point(low), _point(high))

    def show(self, box: CropBox) -> None:
        """Stand where the box is."""
        if not self._widget.GetEnabled():
            self._widget.On()
        elif box == self.value:
            return
        ends = zip(box.low_lps, box.high_lps, strict=True)
        self._shape.PlaceWidget([mm for pair in ends for mm in pair])

    def hide(self) -> None:
        """Be gone."""
        self._widget.Off()


class PlaneHandles:
    """A plane with an arrow that turns it; the plane itself is pushed along the arrow."""

    def __init__(self, interactor: Any, moved: Moved) -> None:
        self._shape = vtkImplicitPlaneRepresentation()
        self._shape.SetPlaceFactor(1.0)
        self._shape.OutlineTranslationOff()
        self._shape.ScaleEnabledOff()
        self._shape.SetOutsideBounds(True)
        self._shape.GetPlaneProperty().SetColor(LINE)
        self._shape.GetPlaneProperty().SetOpacity(0.10)
        self._shape.GetSelectedPlaneProperty().SetColor(HELD)
        self._shape.GetSelectedPlaneProperty().SetOpacity(0.18)
        self._shape.GetNormalProperty().SetColor(LINE)
        self._shape.GetSelectedNormalProperty().SetColor(HELD)
        self._shape.SetEdgeColor(LINE)
        self._shape.TubingOff()
        self._shape.DrawOutlineOff()
        self._shape.SetDrawPlane(True)
        self._widget = vtkImplicitPlaneWidget2()
        self._widget.SetInteractor(interactor)
        self._widget.SetRepresentation(self._shape)
        itself = proxy(self)  # the widget holds what hears it
        self._widget.AddObserver("InteractionEvent", lambda *_: moved(itself.value))

    @property
    def value(self) -> ClipPlane:
        """The plane as it stands."""
        return ClipPlane(self._shape.GetOrigin(), self._shape.GetNormal())

    def show(self, plane: ClipPlane, corners_lps: FloatArray) -> None:
        """Stand where the plane is, as wide as the box of what is shown."""
        if not self._widget.GetEnabled():
            ends = zip(corners_lps.min(axis=0), corners_lps.max(axis=0), strict=True)
            self._shape.PlaceWidget([float(mm) for pair in ends for mm in pair])
            self._widget.On()
        elif plane == self.value:
            return
        self._shape.SetOrigin(*plane.point_lps)
        self._shape.SetNormal(*plane.normal_lps)

    def hide(self) -> None:
        """Be gone."""
        self._widget.Off()


class HandleSet:
    """The handles of a stage, of which at most one kind is there at a time."""

    def __init__(self, interactor: Any, moved: Moved) -> None:
        self._interactor, self._moved = interactor, moved
        self._box: BoxHandles | None = None
        self._plane: PlaneHandles | None = None

    def show(
        self,
        handles: Handles,
        crop: CropBox | None,
        clip: ClipPlane | None,
        corners_lps: FloatArray,
    ) -> None:
        """Show those asked for, where there is something to hold."""
        if handles == "box" and crop is not None:
            self._box = self._box or BoxHandles(self._interactor, self._moved)
            self._box.show(crop)
        elif self._box is not None:
            self._box.hide()
        if handles == "plane" and clip is not None and len(corners_lps):
            self._plane = self._plane or PlaneHandles(self._interactor, self._moved)
            self._plane.show(clip, corners_lps)
        elif self._plane is not None:
            self._plane.hide()

    def hide(self) -> None:
        """Let go of the window."""
        for handles in (self._box, self._plane):
            if handles is not None:
                handles.hide()


def _point(mm: FloatArray) -> tuple[float, float, float]:
    x, y, z = mm.tolist()
    return x, y, z
