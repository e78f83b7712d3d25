"""Training: curated records as the dialogs of a rollout, and what a policy learns from them. Knows nothing of the store."""
