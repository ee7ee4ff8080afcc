"""Mesh, rig and motion files of a result, one file per format."""
