"""Tasks: one package a data set or world, each owning its questions, truths and metric."""
