"""Ratings: who is asked what next, what was said, and that none of it is lost."""
