"""One thread a worker: two busy thread pools on two cores are slower than one."""

# Read by the libraries when they are imported, so they are set before a worker starts.
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}
