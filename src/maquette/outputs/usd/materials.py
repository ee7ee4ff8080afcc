"""glTF materials as UsdPreviewSurface, their pictures as files beside the stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.outputs.meshes.gltf_file import GltfFile

ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png"}


def define_materials(stage: Any, path: str, file: GltfFile, folder: Path) -> list[Any]:
    """The materials of a file, in its order.

    Args:
        stage: where they are defined.
        path: below which.
        folder: where the pictures go.
    """
    from pxr import UsdGeom

    UsdGeom.Scope.Define(stage, path)
    pictures = [
        _picture(file, index, folder / f"picture{index}") for index in range(len(file.document.get("images", [])))
    ]
    return [
        _material(stage, f"{path}/material{index}", content, file, pictures)
        for index, content in enumerate(file.document["materials"])
    ]


def _picture(file: GltfFile, index: int, place: Path) -> Path:
    place = place.with_suffix(ENDINGS[file.document["images"][index]["mimeType"]])
    place.write_bytes(file.image(index))
    return place


def _material(stage: Any, path: str, content: dict[str, Any], file: GltfFile, pictures: list[Path]) -> Any:
    """One material: colour, opacity, roughness and normals as far as the glTF one has them."""
    from pxr import Sdf, UsdShade

    material = UsdShade.Material.Define(stage, path)
    surface = UsdShade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    look = content["pbrMetallicRoughness"]
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(float(look.get("roughnessFactor", 1.0)))
    surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(float(look.get("metallicFactor", 1.0)))
    reader = UsdShade.Shader.Define(stage, f"{path}/st")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    coordinates = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)

    def texture(name: str, index: int, space: str) -> Any:
        shader = UsdShade.Shader.Define(stage, f"{path}/{name}")
        shader.CreateIdAttr("UsdUVTexture")
        picture = pictures[file.document["textures"][index]["source"]]
        shader.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(f"./{picture.name}")
        shader.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
        shader.CreateInput("wrapS", Sdf.ValueTypeNames.Token).Set("clamp")
        shader.CreateInput("wrapT", Sdf.ValueTypeNames.Token).Set("clamp")
        shader.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(coordinates)
        return shader

    colour = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    if "baseColorTexture" in look:
        picture = texture("colour", look["baseColorTexture"]["index"], "sRGB")
        colour.ConnectToSource(picture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
        if content.get("alphaMode", "OPAQUE") != "OPAQUE":
            opacity = surface.CreateInput("opacity", Sdf.ValueTypeNames.Float)
            opacity.ConnectToSource(picture.CreateOutput("a", Sdf.ValueTypeNames.Float))
        if content.get("alphaMode") == "MASK":
            surface.CreateInput("opacityThreshold", Sdf.ValueTypeNames.Float).Set(
                float(content.get("alphaCutoff", 0.5))
            )
    elif "baseColorFactor" in look:
        colour.Set(tuple(look["baseColorFactor"][:3]))
    else:
        tint = UsdShade.Shader.Define(stage, f"{path}/tint")
        tint.CreateIdAttr("UsdPrimvarReader_float3")
        tint.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
        colour.ConnectToSource(tint.CreateOutput("result", Sdf.ValueTypeNames.Float3))
    if "normalTexture" in content:
        relief = texture("relief", content["normalTexture"]["index"], "raw")
        relief.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set((2.0, 2.0, 2.0, 1.0))
        relief.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set((-1.0, -1.0, -1.0, 0.0))
        normal = surface.CreateInput("normal", Sdf.ValueTypeNames.Normal3f)
        normal.ConnectToSource(relief.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
    return material
