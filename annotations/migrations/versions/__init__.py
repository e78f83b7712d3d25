"""One file a revision, in order; a released file is never changed."""
