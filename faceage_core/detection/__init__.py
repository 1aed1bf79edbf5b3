"""Face detection: the Detector protocol, its implementations, and the crops for later networks."""
