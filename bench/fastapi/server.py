"""The same app behind AWS's Lambda Web Adapter: uvicorn on port 8080, which the adapter (the parent process) calls."""

import ctypes
import os
import signal
import sys

import uvicorn

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    adapter = sys.argv[1]
    pid = os.fork()
    if pid == 0:
        # It ends with the adapter.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        from app import app

        uvicorn.run(app, host="127.0.0.1", port=int(os.environ["AWS_LWA_PORT"]), log_level="error")
    else:
        os.execv(adapter, [adapter])
