"""Parts of tiny sets of scans."""

from __future__ import annotations

from scipy.spatial.transform import Rotation

TURN = Rotation.from_euler("xyz", [20, -40, 10], degrees=True).as_matrix()


def write_pp(path, points):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f'<point x="{x}" y="{y}" z="{z}" name="{k}"/>\n' for k, (x, y, z) in enumerate(points))
    path.write_text(f"<PickedPoints>\n{rows}</PickedPoints>\n")


def cell(table, column, **keys):
    rows = [dict(zip(table.columns, row)) for row in table.rows]
    (row,) = [row for row in rows if all(row[key] == value for key, value in keys.items())]
    return row[column]
