"""`sdm-benchmark`: what a suite lacks is made, one job after the other, resumable at any moment."""
