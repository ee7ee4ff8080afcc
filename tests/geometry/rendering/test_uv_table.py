"""The table of texels is what a slow loop over triangles finds."""

from __future__ import annotations

import numpy as np
import torch

from basel_twin import model
from hrn_by_seed import face, slow_texels
from maquette.geometry.rendering.uv_table import rimmed, weighted_sums


def test_texels_are_those_of_the_slow_loop():
    basel, table = model(), face().table
    triangle, weights = slow_texels(basel.uvs, basel.uv_triangles, 256)
    assert table.side == 256 and np.array_equal(table.covered.numpy(), triangle >= 0)
    hit = triangle >= 0
    np.testing.assert_array_equal(table.corners.numpy(), basel.uv_triangles[triangle[hit]])
    np.testing.assert_allclose(table.weights.numpy(), weights[hit], atol=1e-4)


def test_rows_run_down_from_v_one():
    basel, table = model(), face().table
    drawn = table.draw(torch.from_numpy(basel.uvs)[None])[0]
    rows, columns = (values[table.covered] for values in torch.meshgrid(*[torch.arange(256) + 0.5] * 2, indexing="ij"))
    torch.testing.assert_close(drawn[0][table.covered], columns / 256, atol=1e-5, rtol=0)
    torch.testing.assert_close(drawn[1][table.covered], 1 - rows / 256, atol=1e-5, rtol=0)
    assert not drawn[:, ~table.covered].any()


def test_background_is_given():
    table = face().table
    maps = table.spread(torch.zeros(2, len(table.texels), 3), torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
    assert (maps[1, 2][~table.covered] == 6).all() and not maps[1, 2][table.covered].any()


def test_sums_and_their_gradients_are_those_of_torch():
    generator = torch.Generator().manual_seed(2)
    values = torch.rand(9, 4, dtype=torch.float64, generator=generator).requires_grad_()
    indices = torch.randint(0, 9, (30, 3), generator=generator)
    weights = torch.rand(30, 3, dtype=torch.float64, generator=generator)
    found, wanted = weighted_sums(values, indices, weights), (weights[:, :, None] * values[indices]).sum(1)
    torch.testing.assert_close(found, wanted)
    pull = torch.rand(30, 4, dtype=torch.float64, generator=generator)
    gradients = [torch.autograd.grad((part * pull).sum(), values)[0] for part in (found, wanted)]
    torch.testing.assert_close(*gradients)


def test_a_rim_goes_on_flat_where_the_surface_ends():
    basel, table = model(), face().table
    wide, origin = rimmed(table, basel.uvs, basel.uv_triangles, basel.uv_triangles)
    count = len(table.texels)
    assert torch.equal(wide.texels[:count], table.texels) and torch.equal(origin[:count], table.texels)
    rim = wide.texels[count:]
    assert len(rim) > 300 and not table.covered.flatten()[rim].any()
    apart = torch.stack((rim // 256 - origin[count:] // 256, rim % 256 - origin[count:] % 256)).abs()
    assert apart.max() == 1
    # Texture coordinates themselves, drawn through the table, go on too.
    drawn = wide.draw(torch.from_numpy(basel.uvs)[None])[0].flatten(1)[:, rim]
    torch.testing.assert_close(drawn[0], (rim % 256 + 0.5) / 256, atol=1e-4, rtol=0)
    torch.testing.assert_close(drawn[1], 1 - (rim // 256 + 0.5) / 256, atol=1e-4, rtol=0)
