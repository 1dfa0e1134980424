"""Sentence vectors: the model that ships, and what makes it small."""
