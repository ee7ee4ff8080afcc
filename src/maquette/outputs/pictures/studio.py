"""The photo studio: shaded pictures of a mesh, rendered off-screen by VTK with our own light.

VTK is used directly rather than through pyvista: its window opens in 0.1 s instead of 1.3 s, and asking for the
EGL window by name keeps the X server's warnings away.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import ExtraMissing
from maquette.core.types import Camera
from maquette.outputs.shaded_mesh import ShadedMesh

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkRenderingCore import vtkPolyDataMapper, vtkRenderWindow, vtkTexture, vtkUniforms

CLAY = (0.80, 0.775, 0.75)  # sRGB
REACH_M = 20.0  # an orthographic camera sees this far before and behind itself

# Lights stand still relative to the camera, directions in view space (x right, y up, z to the viewer).
# Gamma is 2, so that a square and a root replace two powers: software OpenGL pays for each.
# The viewer is taken to be far away (his direction is z), which spares two square roots per pixel.
# A photo's texture holds the light of the day it was taken: for it the studio light is flat (contrast below 1).
SHADER = """
//VTK::TCoord::Impl
const vec3 keyL = vec3(-0.5068, 0.5713, 0.6450);
const vec3 fillL = vec3(0.8365, 0.0984, 0.5413);
const vec3 rimL = vec3(0.6250, 0.4018, -0.6696);
// lower than the key light itself, so that the lids do not hide the spark in the eyes
const vec3 keyHalf = vec3(-0.1880, 0.1700, 0.9673);
const vec3 rimHalf = vec3(0.7685, 0.4941, 0.4065);
const vec3 backL = vec3(-0.7948, 0.2338, -0.5610);
{
  if (fragOutput0.a < alphaCutoff || (isPart == 1 && styleShown < 3)) discard;
  vec3 n = normalize(normalVCVSOutput);
  float open = vertexColorVSOutput.a;
  if (styleShown == 1) {
    fragOutput0 = vec4(0.5 + 0.5 * n, 1.0);
  } else if (styleShown == 2) {
    fragOutput0 = vec4(vec3(clamp((vertexVC.z - depthFar) / (depthNear - depthFar), 0.0, 1.0)), 1.0);
  } else if (styleShown == 4) {
    fragOutput0 = vec4(min(fragOutput0.rgb * LIT_RANGE, 1.0), open);  // the window multiplies by it
  } else {
    vec3 albedo = styleShown == 0 ? clayColor : fragOutput0.rgb * fragOutput0.rgb;
    vec3 wrap = vec3(0.30, 0.20, 0.16);
    vec3 key = max((dot(n, keyL) + wrap) / (1.0 + wrap), 0.0);
    vec3 fill = max((dot(n, fillL) + wrap) / (1.0 + wrap), 0.0);
    float shade = open * open;
    vec3 sky = mix(vec3(0.20, 0.19, 0.185), vec3(0.34, 0.35, 0.37), 0.5 + 0.5 * n.y);
    vec3 modelled = sky * open + vec3(0.94, 0.91, 0.874) * key * (0.35 + 0.65 * shade)
                  + vec3(0.18, 0.19, 0.20) * fill * open;
    vec3 even = vec3(0.43 + 0.53 * open);
    float rims = max(dot(n, rimL), 0.0) * 0.55 + max(dot(n, backL), 0.0) * 0.35;
    vec3 light = mix(even, modelled, contrast) + rims * shade;
    float grazing = 1.0 - max(n.z, 0.0);
    float fresnel = 0.04 + 0.5 * grazing * grazing * grazing * grazing;
    // Schlick's fast power (1994): x / (p - p x + x) instead of pow(x, p)
    float lobe = max(dot(n, keyHalf), 0.0);
    float edge = max(dot(n, rimHalf), 0.0);
    float spot = lobe / (glossPower - glossPower * lobe + lobe);
    spot *= spot;
    float glint = edge / (24.0 - 23.0 * edge) * 0.35 * fresnel;
    vec3 colour = albedo * light + spot * glossAmount * open + glint * shade;
    fragOutput0 = vec4(sqrt(colour * (1.0 + colour * 0.12) / (1.0 + colour * 0.22)), 1.0);
  }
}
"""
STYLES = {"clay": 0, "normals": 1, "depth": 2, "texture": 3, "lit": 4}
BRIGHTEST = 2.0  # light that a colour of 255 stands for in the style "lit", in the shader's gamma of 2

LIT = SHADER.replace("LIT_RANGE", f"{BRIGHTEST**0.5:.6f}")


@dataclass(frozen=True, eq=False)
class Material:
    """How one part reflects.

    Attributes:
        gloss: strength of the highlight.
        sharpness: of the highlight; its exponent in Schlick's approximation.
        texture: (H, W, C) uint8 sRGB of its own, C 3 or 4, for hair and the like: seen only in the style "texture",
            from both sides unless `one_sided`; or None.
        cutoff: opacity of that texture, 0-1, below which nothing is drawn.
        one_sided: whether it is drawn from outside only, which takes half as long.
    """

    gloss: float = 0.09
    sharpness: float = 7.0
    texture: NDArray | None = None
    cutoff: float = 0.0
    one_sided: bool = False


SKIN = Material()
WET = Material(gloss=2.5, sharpness=220.0)


def open_window() -> vtkRenderWindow:
    """An off-screen VTK window that needs no display.

    Raises:
        ExtraMissing: no software or hardware OpenGL is installed; the message names the apt command.
    """
    from vtkmodules import vtkRenderingOpenGL2

    if not sys.platform.startswith("linux"):
        from vtkmodules.vtkRenderingCore import vtkRenderWindow

        window = vtkRenderWindow()
    else:
        kinds = {"libEGL.so.1": "vtkEGLRenderWindow", "libOSMesa.so.8": "vtkOSOpenGLRenderWindow"}
        # VTK crashes the process when neither is there, so look before asking for a window.
        found = [kind for library, kind in kinds.items() if _loads(library) and hasattr(vtkRenderingOpenGL2, kind)]
        if not found:
            raise ExtraMissing("pictures: libEGL is not installed; run: sudo apt-get install -y libegl1 libgl1")
        window = getattr(vtkRenderingOpenGL2, found[0])()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetAlphaBitPlanes(1)
    return window


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


class Studio:
    """One window, one scene, many pictures.

    Args:
        parts: meshes with their materials.
        texture: (H, W, 3) uint8 sRGB, first row v = 1, or None; without it and without colours there is clay only.
        closed: whether the parts show no back faces, which then need not be drawn.
    """

    def __init__(
        self, parts: Sequence[tuple[ShadedMesh, Material]], texture: NDArray | None = None, closed: bool = False
    ) -> None:
        from vtkmodules.vtkRenderingCore import vtkLight, vtkRenderer

        self._window = open_window()
        self._renderer = vtkRenderer()
        self._renderer.SetBackgroundAlpha(0.0)
        self._renderer.SetBackground(0, 0, 0)
        self._renderer.AutomaticLightCreationOff()
        self._renderer.AddLight(vtkLight())  # our shader brings the light; VTK hands it normals only if it sees one
        self._window.AddRenderer(self._renderer)
        image = self._image = None if texture is None else _texture(texture)
        self._closed = closed
        self._asked: tuple[float, ...] | None = None
        self._moving: list[tuple[vtkPolyDataMapper, vtkPolyData]] = []
        self._uniforms = [self._add(mesh, material, image) for mesh, material in parts]
        self._textured = texture is not None or any(
            mesh.colours is not None or material.texture is not None for mesh, material in parts
        )

    def _add(self, mesh: ShadedMesh, material: Material, image: vtkTexture | None) -> vtkUniforms:
        from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

        mapper = vtkPolyDataMapper()
        data = _polydata(mesh)
        mapper.SetInputData(data)
        self._moving.append((mapper, data))
        mapper.SetColorModeToDirectScalars()
        mapper.SetStatic(True)
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.ForceOpaqueOn()  # the scalars' alpha is how open the sky is, not how solid the skin
        own = material.texture
        actor.GetProperty().SetBackfaceCulling(material.one_sided or (self._closed and own is None))
        image = image if own is None else _texture(own)
        if image is not None:
            actor.SetTexture(image)
        shader = actor.GetShaderProperty()
        plain = "fragOutput0 = vec4(ambientColor + diffuseColor, 1.0);\n"
        shader.AddFragmentShaderReplacement("//VTK::Light::Impl", True, plain, False)
        shader.AddFragmentShaderReplacement("//VTK::TCoord::Impl", True, LIT, False)
        uniforms = shader.GetFragmentCustomUniforms()
        uniforms.SetUniformf("glossAmount", material.gloss)
        uniforms.SetUniformf("glossPower", material.sharpness)
        uniforms.SetUniformf("alphaCutoff", material.cutoff)
        uniforms.SetUniformi("isPart", int(own is not None))
        uniforms.SetUniform3f("clayColor", [c**2 for c in CLAY])
        self._renderer.AddActor(actor)
        return uniforms

    def render(
        self,
        camera: Camera,
        style: str = "texture",
        contrast: float = 1.0,
        supersample: float = 2.0,
        depth: tuple[float, float] = (0.0, 1.0),
    ) -> NDArray:
        """One picture.

        Args:
            camera: its size is the size of the picture; an orthographic one also sees what lies behind it.
            style: "texture", "clay", "normals" (x right, y up, z to the viewer), "depth" (white = near) or "lit": the
                texture under the light that the parts' colours are, see `move`.
            contrast: 0 = flat light, 1 = studio light.
            supersample: samples per pixel along each axis.
            depth: (nearest, farthest) metres for the style "depth".

        Returns:
            (H, W, 4) uint8 sRGB, premultiplied by its alpha: over a background B it is rgb + (1 - alpha) B.
        """
        import cv2
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        width, height = (round(side * supersample) for side in camera.size)
        if tuple(self._window.GetSize()) != (width, height):
            self._window.SetSize(width, height)
        self._aim(camera)
        chosen = STYLES["clay"] if style == "texture" and not self._textured else STYLES[style]
        asked = (chosen, contrast, *depth)
        if asked != self._asked:  # VTK builds its shaders anew after each change
            for uniforms in self._uniforms:
                uniforms.SetUniformi("styleShown", chosen)
                uniforms.SetUniformf("contrast", contrast)
                uniforms.SetUniformf("depthNear", -depth[0])
                uniforms.SetUniformf("depthFar", -depth[1])
            self._asked = asked
        self._window.Render()
        buffer = vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, buffer, 0)
        picture = vtk_to_numpy(buffer).reshape(height, width, 4)[::-1]
        # Averaging areas is slow unless the factor is whole; up to 1.5 two neighbours cover a pixel anyway.
        smooth = cv2.INTER_AREA if supersample >= 1.75 else cv2.INTER_LINEAR
        return cv2.resize(picture, camera.size, interpolation=smooth)

    def move(
        self, place: int, vertices: NDArray, normals: NDArray, light: NDArray | None = None, fade: NDArray | None = None
    ) -> None:
        """Put the vertices of a part elsewhere.

        Args:
            place: number of the part, in the order in which they were given.
            vertices, normals: (N, 3) metres and unit, as many as it has.
            light: (N, 3) linear, not negative, up to BRIGHTEST: what the style "lit" shows the texture under.
            fade: (N,) 0-1: how solid it is in that style, None for all of it.
        """
        from vtkmodules.util.numpy_support import numpy_to_vtk

        mapper, data = self._moving[place]
        mapper.SetStatic(False)
        data.GetPoints().SetData(numpy_to_vtk(np.ascontiguousarray(vertices, np.float32), deep=True))
        data.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(normals, np.float32), deep=True))
        if light is not None:
            shown = np.sqrt(np.clip(light / BRIGHTEST, 0, 1)) * 255
            solid = np.full(len(shown), 255.0) if fade is None else 255 * fade
            coded = np.column_stack([shown, solid]).astype(np.uint8)
            data.GetPointData().SetScalars(numpy_to_vtk(coded, deep=True))
        data.Modified()

    def repaint(self, texture: NDArray) -> None:
        """Put another picture (H, W, 3) uint8, as large as the first, on the parts that share one."""
        from vtkmodules.util.numpy_support import numpy_to_vtk

        assert self._image is not None, "made with a texture"
        image = self._image.GetInput()
        flipped = np.ascontiguousarray(texture[::-1]).reshape(-1, texture.shape[2])
        image.GetPointData().SetScalars(numpy_to_vtk(flipped))
        image.Modified()

    def _aim(self, camera: Camera) -> None:
        from vtkmodules.vtkCommonMath import vtkMatrix4x4

        rotation, translation = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
        centre = -rotation.T @ translation
        aim = self._renderer.GetActiveCamera()
        aim.SetPosition(*centre)
        aim.SetFocalPoint(*(centre + rotation[2]))
        aim.SetViewUp(*-rotation[1])
        (fx, skew, cx), (_, fy, cy), _ = camera.intrinsics
        width, height = camera.size
        matrix = np.zeros((4, 4))
        matrix[0, :2] = [2 * fx / width, -2 * skew / width]
        matrix[1, 1] = 2 * fy / height
        if camera.projection == "perspective":
            near, far = 0.02, 20.0
            matrix[:2, 2] = [1 - 2 * cx / width, 2 * cy / height - 1]
            matrix[2, 2:] = [-(far + near) / (far - near), -2 * far * near / (far - near)]
            matrix[3, 2] = -1
        else:
            matrix[:2, 3] = [2 * cx / width - 1, 1 - 2 * cy / height]
            matrix[2, 2], matrix[3, 3] = -1 / REACH_M, 1
        aim.SetParallelProjection(camera.projection == "orthographic")
        projection = vtkMatrix4x4()
        projection.DeepCopy(matrix.ravel().tolist())
        aim.SetExplicitProjectionTransformMatrix(projection)
        aim.UseExplicitProjectionTransformMatrixOn()

    def close(self) -> None:
        """Give the window back."""
        self._window.Finalize()


def _polydata(mesh: ShadedMesh) -> vtkPolyData:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.vertices), deep=True))
    data.SetPoints(points)
    cells = vtkCellArray()
    offsets = numpy_to_vtkIdTypeArray(np.arange(len(mesh.faces) + 1, dtype=np.int64) * 3, deep=True)
    cells.SetData(offsets, numpy_to_vtkIdTypeArray(mesh.faces.ravel().astype(np.int64), deep=True))
    data.SetPolys(cells)
    data.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(mesh.normals), deep=True))
    data.GetPointData().SetTCoords(numpy_to_vtk(np.ascontiguousarray(mesh.uvs), deep=True))
    colours = np.full((len(mesh.vertices), 3), 255, np.uint8) if mesh.colours is None else mesh.colours
    shade = np.clip(mesh.openness * 255, 1, 255).astype(np.uint8)[:, None]
    data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(np.hstack([colours, shade])), deep=True))
    return data


def _texture(pixels: NDArray) -> vtkTexture:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLTexture

    height, width = pixels.shape[:2]
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    flipped = np.ascontiguousarray(pixels[::-1]).reshape(-1, pixels.shape[2])
    image.GetPointData().SetScalars(numpy_to_vtk(flipped, deep=True))
    texture = vtkOpenGLTexture()
    texture.SetInputData(image)
    texture.InterpolateOn()
    return texture
