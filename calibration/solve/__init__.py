"""Joint solution of intrinsics, extrinsics and board poses, with its covariance."""
