"""Ray Serve: the detector, age and verifier deployments, and the HTTP interface over them."""
