"""HRN: a face in three levels of detail (Lei et al., CVPR 2023): morphable shape, deformation, displacement."""
