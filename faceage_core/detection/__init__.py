"""Faces in photos: MTCNN, and the crops that the later networks see."""
