"""The paper's comparisons in the small: trainings from one start on the needle world, equal but for one thing each, over several seeds."""
