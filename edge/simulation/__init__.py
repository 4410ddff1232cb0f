"""The simulated rig: both cameras ray-cast one 3D scene, with labels, depth, poses and defects known."""
