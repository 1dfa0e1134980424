"""Search over the articles: passages, their index, and what of them answers a question."""
