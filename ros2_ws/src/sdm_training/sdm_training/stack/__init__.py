"""Many runs of one method (tasks, seeds) trained at once, as one program over stacked weights."""
