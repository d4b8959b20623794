"""A worker whose parent was killed must not go on alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

# For closing what is open; then the process ends as it is.
GRACE_S = 5.0


def end_with_parent() -> None:
    """Ends this process once the one that has started it is gone, however that ended: by SIGTERM, then at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # a worker has one

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(143)

    threading.Thread(target=watch, daemon=True).start()
