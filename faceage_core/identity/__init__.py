"""Who is who: embeddings, their similarity, and the best assignment."""
