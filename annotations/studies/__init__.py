"""Studies: what is asked, of which steps, in which words; in versions."""
