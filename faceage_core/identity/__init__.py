"""Identity: embeddings, their similarity, and the matching of faces."""
