"""The head model on a device: shapes and colours of the model that is fitted, shapes of the one that comes out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from maquette.morphable.bfm_head import BaselHead, HeadBases
from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.face_model import ring_normals, rotation, shading
from maquette.reconstruction.hrn.sampling import at_uvs

FACE_SIDE, HEAD_SIDE = 300, 100  # texels of the maps of face and of neck with scalp
# Neck vertices, counted from the first behind the face: the length between their heights is made the same for all.
UPPER, LOWER = 1767, 1648
NECK_DM = 0.72  # that length
SHARES = {"nose": 0.1, "neck": 0.3, "slim": 0.5}  # by which the published mended shapes are added
OPENED = {16: 1.0, 17: 1.0, 19: 1.5}  # what is added to coefficients of expression, so that eyes stand open
WIDE, HALF = 1.0, 0.5  # where these sum up to more than that, half of it


@dataclass(frozen=True, eq=False)
class _Bases:
    """A model's tensors, see `HeadBases`."""

    mean: Tensor
    identity: Tensor
    expression: Tensor
    triangles: Tensor
    rings: Tensor
    landmarks: Tensor

    def shape(self, found: Coefficients) -> Tensor:
        """(N, V, 3) decimetres."""
        flat = self.mean + found.identity @ self.identity.T + found.expression @ self.expression.T
        return flat.view(len(flat), -1, 3)


@dataclass(frozen=True, eq=False)
class HeadOffsets:
    """What is added to the fitted model's shape (decimetres) and colours (0-1).

    Attributes:
        face, colours: (1, 3, 300, 300). scalp, neck_colours: (1, 3, 100, 100).
    """

    face: Tensor
    colours: Tensor
    scalp: Tensor
    neck_colours: Tensor


@dataclass(frozen=True, eq=False)
class HeadModel:
    """Both models on one device.

    Attributes:
        source: as it was read. fitted, drawn: the bases.
        colour_mean: (3 V,), colour_basis: (3 V, 80) 0-255.
        scalp: (S,) vertices of the fitted model. inner: (F', 3), its triangles of the face alone. outer: (G, 3), those
            that its outline is made of.
        face_uvs: (K, 2) of the fitted face. drawn_uvs: (B, 2) of the drawn one. scalp_uvs: (S, 2). neck_uvs: (M, 2).
    """

    source: BaselHead
    fitted: _Bases
    drawn: _Bases
    colour_mean: Tensor
    colour_basis: Tensor
    scalp: Tensor
    inner: Tensor
    outer: Tensor
    face_uvs: Tensor
    drawn_uvs: Tensor
    scalp_uvs: Tensor
    neck_uvs: Tensor

    @property
    def face_count(self) -> int:
        """K, vertices of the fitted model that are the face."""
        return len(self.face_uvs)

    def shape(self, found: Coefficients, offsets: HeadOffsets) -> Tensor:
        """(1, V, 3) decimetres of the fitted model, not posed."""
        plain, K = self.fitted.shape(found), self.face_count
        moved = plain.new_zeros(plain.shape)
        moved[:, :K] = at_uvs(offsets.face, self.face_uvs)
        moved[:, self.scalp] = at_uvs(offsets.scalp, self.scalp_uvs)
        return plain + moved

    def colours(self, found: Coefficients, offsets: HeadOffsets, normals: Tensor) -> Tensor:
        """(1, V, 3): lit colours of the fitted model's vertices, 0-1 as a rule; normals (1, V, 3) posed."""
        flat = (self.colour_mean + found.albedo @ self.colour_basis.T) / 255
        albedo, neck = flat.view(1, -1, 3), self.source.neck
        moved = albedo.new_zeros(albedo.shape)
        moved[:, : self.face_count] = at_uvs(offsets.colours, self.face_uvs)
        moved[:, neck] = at_uvs(offsets.neck_colours, self.neck_uvs)
        light = shading(normals.transpose(1, 2), found.light).transpose(1, 2)
        return (albedo + moved) * light

    def normals(self, shape: Tensor, found: Coefficients) -> Tensor:
        """(1, V, 3): posed normals of a fitted shape (1, V, 3)."""
        return ring_normals(shape, self.fitted.triangles, self.fitted.rings) @ rotation(found.angles)

    def outcome(self, found: Coefficients, offset: Tensor) -> Tensor:
        """(1, V', 3) decimetres of the drawn model, not posed: eyes opened, nose and neck mended, as published.

        Args:
            offset: (1, 3, 300, 300) decimetres, of the face. What the fit moved at the scalp is not taken over, as
                published.
        """
        shape, parts = self.drawn.shape(eyes_open(found)), self.source.mended
        add = {name: torch.from_numpy(value).to(shape).view(1, -1, 3) for name, value in parts.items()}
        for name, share in SHARES.items():
            shape = shape + share * add[name]
        upper, lower = (self.source.face_count + place for place in (UPPER, LOWER))
        if upper < shape.shape[1]:
            there, more = (float(one[0, upper, 1] - one[0, lower, 1]) for one in (shape, add["length"]))
            shape = shape + (NECK_DM - there) / more * add["length"] if more else shape
        moved = shape.new_zeros(shape.shape)
        moved[:, : self.source.face_count] = at_uvs(offset, self.drawn_uvs)
        return shape + moved


def eyes_open(found: Coefficients) -> Coefficients:
    """The coefficients with eyes that stand open, by half as much where they do already."""
    expression = found.expression.clone()
    share = HALF if float(expression[0, [*OPENED]].sum()) > WIDE else 1.0
    for place, value in OPENED.items():
        expression[:, place] += share * value
    values = {name: getattr(found, name) for name in ("identity", "albedo", "angles", "light", "translation")}
    return Coefficients(expression=expression, **values)


def head_model(head: BaselHead, device: str = "cpu") -> HeadModel:
    """The model on a device."""
    fitted, drawn = _tensors(head.fitted, device), _tensors(head.drawn, device)
    uvs, K = torch.from_numpy(head.uvs).to(device), len(head.kept)
    scalp, kept = torch.from_numpy(head.scalp).to(device), torch.from_numpy(head.kept).to(device)
    inner = fitted.triangles[(fitted.triangles < K).all(1)]
    return HeadModel(
        head,
        fitted,
        drawn,
        torch.from_numpy(head.colour_mean).to(device),
        torch.from_numpy(head.colour_basis).to(device),
        scalp,
        inner,
        torch.from_numpy(head.outer).to(device),
        face_uvs=uvs[: head.face_count][kept],
        drawn_uvs=uvs[: head.face_count],
        scalp_uvs=uvs[scalp + (head.face_count - K)],
        neck_uvs=uvs[head.face_count :],
    )


def _tensors(bases: HeadBases, device: str) -> _Bases:
    names = ("mean", "identity", "expression", "triangles", "rings", "landmarks")
    return _Bases(**{name: torch.from_numpy(getattr(bases, name)).to(device) for name in names})
