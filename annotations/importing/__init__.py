"""Traces that others wrote, made ours: files are read line by line, every line gets a verdict, and nothing costs another line."""
