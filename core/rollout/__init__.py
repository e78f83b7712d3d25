"""Rollouts: many conversations with a policy at once, turn by turn, each to a trace; for the app, search, evaluation and commands."""
