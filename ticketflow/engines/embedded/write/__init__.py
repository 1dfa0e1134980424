"""Replies: letters around quotes, and the judgement whether they answer."""
