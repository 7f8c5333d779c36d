"""The stage: one VTK window that shows a scene, on one thread."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias
from weakref import proxy

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers VTK's drawing classes)
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera
from vtkmodules.vtkRenderingCore import (
    vtkRenderer,
    vtkRenderWindow,
    vtkRenderWindowInteractor,
)
from vtkmodules.vtkRenderingUI import vtkGenericRenderWindowInteractor
from vtkmodules.vtkWebCore import vtkRemoteInteractionAdapter

from vis3d.geometry import FloatArray
from vis3d.rendering import cameras
from vis3d.rendering.clipping import cutting_planes
from vis3d.rendering.handles import HandleSet
from vis3d.rendering.lights import studio_lights
from vis3d.rendering.marker import Marker
from vis3d.rendering.opengl import draws_in_software, require_display, require_opengl
from vis3d.rendering.pace import Pace
from vis3d.rendering.picking import pick_lps
from vis3d.rendering.slices import SliceProp
from vis3d.rendering.surfaces import SurfaceProp, veil_triangles
from vis3d.rendering.volumes import VolumeProp
from vis3d.scene import Camera, ClipPlane, CropBox, Layer, Scene, SliceLayer, SurfaceLayer

Quality: TypeAlias = Literal["coarse", "fine"]
Prop: TypeAlias = SurfaceProp | VolumeProp | SliceProp
OCCLUSION_REACH, OCCLUSION_BIAS = 0.05, 0.0015
"""How far hollows reach, and what counts as flat, of the size of what is shown."""

MOST_PEELS = 6
"""Each takes the foremost and the hindmost veil; what then is left has no order."""

_NO_KEYS = {"altKey": 0, "ctrlKey": 0, "shiftKey": 0}

Key: TypeAlias = tuple[type, int, int]


class Stage:
    """Shows scenes in a VTK window, off-screen unless `on_screen`.

    All calls belong on the thread that made the stage. `window` (vtkRenderWindow) has an
    `interactor` with the trackball style: what a user drags is drawn coarsely while it
    moves. `volumes_on_cpu` chooses the ray caster; by default it is the CPU's own where
    OpenGL runs in software. Volumes of more than `max_voxels` are drawn from a copy with
    fewer, which shows its first picture sooner. `exact` draws veils in their true order, of
    fewer triangles: software does that slowly, so it is for pictures, not for hands.
    `on_cut` hears of the crop box or clip plane that a user moves by its handles.

    Raises:
        RequirementError: this machine can't draw; the message says what to install.
    """

    def __init__(
        self,
        size: tuple[int, int] = (1200, 900),
        *,
        on_screen: bool = False,
        volumes_on_cpu: bool | None = None,
        max_voxels: int | None = None,
        exact: bool = False,
    ) -> None:
        (require_display if on_screen else require_opengl)()
        self.window = vtkRenderWindow()
        self.window.SetOffScreenRendering(not on_screen)
        self.window.SetSize(*size)
        self.window.SetMultiSamples(0)  # in software they cost five times as much as FXAA
        self._renderer = vtkRenderer()
        self._renderer.UseFXAAOn()
        self._exact = exact
        if exact:
            self._peel()
        self._renderer.AutomaticLightCreationOff()
        self.window.AddRenderer(self._renderer)
        # The GPU's ray caster would let the lights behind a volume shine on its front.
        self._renderer.TwoSidedLightingOff()
        studio_lights(self._renderer)
        self.interactor = _interactor(self.window, on_screen)
        self._follow_interaction()
        self._volumes_on_cpu, self._max_voxels = volumes_on_cpu, max_voxels
        self._props: dict[Key, Prop] = {}
        self._camera: Camera | None = None
        self._marker: Marker | None = None
        itself = proxy(self)  # see _follow_interaction
        self._handles = HandleSet(self.interactor, lambda cut: itself._moved(cut))
        self._scene = Scene()
        self._planes: tuple[ClipPlane, ...] = ()
        self._pace = Pace()
        self._share = 1.0
        self._has_occluded = False
        self.quality: Quality = "fine"
        self.on_cut: Callable[[CropBox | ClipPlane], None] = lambda cut: None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.window.GetSize()
        return int(width), int(height)

    @property
    def renderer(self) -> vtkRenderer:
        """VTK's renderer, for lights, cameras and words of one's own."""
        return self._renderer

    def resize(self, size: tuple[int, int]) -> None:
        """Take another width and height in pixels."""
        off_screen = self.window.GetOffScreenRendering()
        if self._has_occluded and off_screen and size != self.size:
            # Mesa (22.3) else keeps the old window's 8 bytes a pixel, each time.
            self.window.Finalize()
            self._has_occluded = False
        self.window.SetSize(*size)
        self.interactor.SetSize(*size)

    def show(self, scene: Scene) -> None:
        """Show this scene in place of the last one.

        A layer of the same surface or volume object keeps its prop; only what differs is
        changed. The camera moves where the scene's camera changed, or where nothing was
        seen before: what a user has turned stays turned.
        """
        saw_nothing = not self._visible_corners().size
        # VTK's pass for ambient occlusion draws no gradients (9.7): no flicker, please.
        self.set_background(scene.background, plain=scene.ambient_occlusion)
        wanted = dict(_keyed(scene.layers))
        for key in [key for key in self._props if key not in wanted]:
            self._renderer.RemoveViewProp(self._props.pop(key).prop)
        for key, layer in wanted.items():
            if key in self._props:
                self._props[key].update(layer)  # type: ignore[arg-type]
            else:
                self._props[key] = self._make(layer)
                self._renderer.AddViewProp(self._props[key].prop)
        self._scene = scene
        self._cut(scene.crop, scene.clip)
        self._handles.show(scene.handles, scene.crop, scene.clip, self._visible_corners())
        self._mark(scene.marker)
        if saw_nothing or self._stands_elsewhere(scene.camera):
            self.look(scene.camera)
        elif self._camera is not None and scene.camera.parallel != self._camera.parallel:
            cameras.project(self._renderer.GetActiveCamera(), parallel=scene.camera.parallel)
            self._camera = scene.camera
        self._renderer.ResetCameraClippingRange()

    def set_background(self, color: tuple[int, int, int], *, plain: bool) -> None:
        """Have this behind everything, RGB 0 to 255, with a lighter top unless `plain`."""
        below = np.array(color) / 255
        self._renderer.SetBackground(below.tolist())
        self._renderer.SetBackground2((below + (1 - below) * 0.10).tolist())
        self._renderer.SetGradientBackground(not plain)

    def look(self, camera: Camera, *, all_round: bool = False) -> None:
        """Turn to this side of the patient, so far off that all visible layers fit.

        With `all_round` they fit in a whole turn, so that nothing breathes as it turns.
        """
        self._camera = camera
        corners = self._visible_corners()
        corners = cameras.swept(corners) if all_round and corners.size else corners
        width, height = self.size
        if corners.size:
            cameras.place(self._renderer.GetActiveCamera(), camera, corners, width / height)
            self._renderer.ResetCameraClippingRange()

    def turn(self, degrees: float) -> None:
        """Go round the patient's long axis, as a turntable does."""
        cameras.turn(self._renderer.GetActiveCamera(), degrees)
        self._renderer.ResetCameraClippingRange()

    def set_quality(self, quality: Quality) -> None:
        """Draw from now on coarsely (while moving) or finely (at rest)."""
        self.quality = quality
        coarse = quality == "coarse"
        outsides = coarse and not self._planes and self._is_outside()
        for prop in self._props.values():
            if isinstance(prop, VolumeProp):
                prop.set_quality(coarse, self._pace.rays)
            elif isinstance(prop, SurfaceProp):
                prop.set_quality(coarse, outsides=outsides)
        self._renderer.SetUseFXAA(not coarse)
        self._occlude(not coarse and self._scene.ambient_occlusion)

    def render(self, quality: Quality | None = None) -> None:
        """Draw now, in the quality that was set last if none is given.

        Where the machine is slow a coarse picture has fewer pixels than the stage.
        """
        self.set_quality(quality or self.quality)
        coarse = self.quality == "coarse"
        fewer = coarse and self.window.GetOffScreenRendering()
        self._share = share = 1 / self._pace.scale if fewer else 1.0
        # A corner of the window: another size of the window itself would cost its buffers.
        self._renderer.SetViewport(0, 0, share, share)
        corners = self._visible_corners()
        if corners.size and not cameras.hold(self._renderer.GetActiveCamera(), corners):
            self.look(self._camera or Camera())
        self._renderer.ResetCameraClippingRange()
        if self._marker is not None:
            self._marker.follow(self._renderer.GetActiveCamera(), share)
        start = time.perf_counter()
        self.window.Render()
        self._renderer.SetViewport(0, 0, 1, 1)  # the hand points at the whole view
        if coarse:
            self._pace.took(time.perf_counter() - start)

    def picture(self) -> NDArray[np.uint8]:
        """What was drawn last, as RGB (rows, columns, 3), the first row at the top."""
        width, height = (max(1, int(length * self._share)) for length in self.size)
        pixels = vtkUnsignedCharArray()
        self.window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
        rows = vtk_to_numpy(pixels).reshape(height, width, 4)
        return np.ascontiguousarray(rows[::-1, :, :3])

    def projection(self) -> FloatArray:
        """The 4x4 matrix from (l, p, s, 1) to homogeneous view coordinates (-1 to 1)."""
        return cameras.projection(self._renderer.GetActiveCamera(), self.size)

    def to_pixel(self, lps: Any) -> FloatArray:
        """Where points (..., 3) in LPS mm appear: (x, y) in pixels from the top left.

        The centre of the first pixel is (0, 0).
        """
        points = np.asarray(lps, float)
        homogeneous = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
        view = homogeneous @ self.projection().T
        x, y = view[..., 0] / view[..., 3], view[..., 1] / view[..., 3]
        width, height = self.size
        return np.stack([(x + 1) / 2 * width - 0.5, (1 - y) / 2 * height - 0.5], axis=-1)

    @property
    def mm_per_pixel(self) -> float:
        """The width of a pixel in the plane through the middle of what is looked at.

        With perspective, what is nearer looks larger, and what is farther smaller.
        """
        camera = self._renderer.GetActiveCamera()
        if camera.GetParallelProjection():
            height_mm = 2 * camera.GetParallelScale()
        else:
            half = np.radians(camera.GetViewAngle() / 2)
            height_mm = 2 * camera.GetDistance() * np.tan(half)
        return float(height_mm / self.size[1])

    def interact(self, event: Mapping[str, object]) -> None:
        """Take what a browser reports of mouse and keys, in the words of vtk.js.

        Dragging turns, moves or zooms; nothing is drawn before the next `render`.
        """
        vtkRemoteInteractionAdapter.ProcessEvent(
            self.interactor, json.dumps({**_NO_KEYS, **event})
        )

    def pick(self, x: float, y: float) -> FloatArray | None:
        """The point in LPS mm seen at pixel (x, y) from the top left, None for background."""
        props = list(self._props.values())
        return pick_lps(self._renderer, self.size, props, x, y, self._planes)

    def close(self) -> None:
        """Free the window and all that it shows."""
        self._handles.hide()
        for prop in self._props.values():
            self._renderer.RemoveViewProp(prop.prop)
        self._props.clear()
        self.window.Finalize()

    def _make(self, layer: Layer) -> Prop:
        if isinstance(layer, SurfaceLayer):
            limit = veil_triangles(self.size) if self._exact else None
            return SurfaceProp(layer, veil_triangles=limit)
        if isinstance(layer, SliceLayer):
            return SliceProp(layer)
        if self._volumes_on_cpu is None:
            self.window.Render()  # a window knows its OpenGL once it has drawn
            self._volumes_on_cpu = draws_in_software(self.window)
        prop = VolumeProp(layer, on_cpu=self._volumes_on_cpu, max_voxels=self._max_voxels)
        prop.set_quality(coarse=self.quality == "coarse")
        return prop

    def _peel(self) -> None:
        """Blend what is translucent from back to front, whatever the triangles' order."""
        self.window.SetAlphaBitPlanes(True)
        self._renderer.SetUseDepthPeeling(True)
        self._renderer.SetMaximumNumberOfPeels(MOST_PEELS)
        self._renderer.SetOcclusionRatio(0.0)

    def _stands_elsewhere(self, camera: Camera) -> bool:
        return self._camera is None or replace(camera, parallel=self._camera.parallel) != (
            self._camera
        )

    def _cut(self, crop: CropBox | None, clip: ClipPlane | None) -> None:
        self._planes = cutting_planes(crop, clip)
        for prop in self._props.values():
            prop.cut(self._planes)

    def _moved(self, cut: CropBox | ClipPlane) -> None:
        """A user holds the box or the plane: show at once what it leaves."""
        scene = self._scene
        if isinstance(cut, CropBox):
            self._scene = replace(scene, crop=cut)
        else:
            self._scene = replace(scene, clip=cut)
        self._cut(self._scene.crop, self._scene.clip)
        self.on_cut(cut)

    def _mark(self, shown: bool) -> None:
        if shown and self._marker is None:
            self._marker = Marker(self.window)
        if self._marker is not None:
            self._marker.show(shown)

    def _occlude(self, wanted: bool) -> None:
        """Darken the hollows of surfaces; beside a volume VTK's pass would hide it."""
        seen = [prop for prop in self._props.values() if prop.prop.GetVisibility()]
        on = wanted and bool(seen) and all(isinstance(prop, SurfaceProp) for prop in seen)
        if on:
            corners = self._visible_corners()
            size_mm = float(np.ptp(corners, axis=0).max()) or 1.0
            self._renderer.SetSSAORadius(OCCLUSION_REACH * size_mm)
            self._renderer.SetSSAOBias(OCCLUSION_BIAS * size_mm)
            self._renderer.SetSSAOKernelSize(32)
            self._renderer.SSAOBlurOn()
        self._renderer.SetUseSSAO(on)
        self._has_occluded |= on

    def _visible_corners(self) -> FloatArray:
        shown = [p.corners_lps for p in self._props.values() if p.prop.GetVisibility()]
        return np.concatenate([np.empty((0, 3)), *(_box_corners(corners) for corners in shown)])

    def _is_outside(self) -> bool:
        """Whether the camera stands outside the box of all surfaces that are shown."""
        props = [prop for prop in self._props.values() if isinstance(prop, SurfaceProp)]
        corners = np.array([p.corners_lps for p in props if p.prop.GetVisibility()])
        if not corners.size:
            return True
        at = np.array(self._renderer.GetActiveCamera().GetPosition())
        return bool(((at < corners.min(axis=(0, 1))) | (at > corners.max(axis=(0, 1)))).any())

    def _follow_interaction(self) -> None:
        """Coarse while a user drags, fine when the button is let go.

        The observers sit on the style itself: a vtkInteractorStyleSwitch doesn't pass
        these events on. Python's collector doesn't see what VTK holds: a stage that its own
        style held would never be freed, nor the scene it showed.
        """
        itself = proxy(self)
        style: Any = vtkInteractorStyleTrackballCamera()
        style.AddObserver("CharEvent", lambda *_: None)  # no wireframe, stereo or quit by key
        self.interactor.SetInteractorStyle(style)
        style.AddObserver("StartInteractionEvent", lambda *_: itself.set_quality("coarse"))
        style.AddObserver("EndInteractionEvent", lambda *_: itself._rest())

    def _rest(self) -> None:
        self.set_quality("fine")
        self.interactor.Render()


def _interactor(window: Any, on_screen: bool) -> Any:
    interactor = (
        vtkRenderWindowInteractor() if on_screen else vtkGenericRenderWindowInteractor()
    )
    interactor.SetRenderWindow(window)
    if not on_screen:
        interactor.EnableRenderOff()  # nothing is drawn but by `render`
        interactor.Initialize()
    return interactor


def _keyed(layers: Any) -> Iterator[tuple[Key, Layer]]:
    """Each layer under what it shows; the same object shown twice is counted."""
    seen: dict[tuple[type, int], int] = {}
    for layer in layers:
        shown = layer.surface if isinstance(layer, SurfaceLayer) else layer.volume
        kind = (type(layer), id(shown))
        seen[kind] = seen.get(kind, -1) + 1
        yield (*kind, seen[kind]), layer


def _box_corners(corners: FloatArray) -> FloatArray:
    """Two opposite corners become all eight; more stay as they are."""
    if len(corners) != 2:
        return corners
    return np.array(
        [[corners[n][axis] for axis, n in enumerate(ends)] for ends in np.ndindex(2, 2, 2)]
    )
