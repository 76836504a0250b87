"""A program that runs one server and sees to it that the server never outlives the process that wanted it.

    python guard.py GRACE_SECONDS COMMAND...

The owner holds the other end of our standard input and may write one byte to it: `s` to stop the server
(SIGTERM, then SIGKILL after GRACE_SECONDS), `k` to kill it at once. End of file means that the owner is
gone, however it went, and stops the server as well. This works alike on Linux and macOS, and because only
the server's parent ever signals it, a process number that was given away again is never hit.

Standard output gets one line with the server's process number; standard error is the server's output.
Started with `python -I -S` to be up in 20 ms, so it may import nothing but the standard library.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

LIFELINE, REPORT, LOG = 0, 1, 2
STOP, KILL = b"s", b"k"


def guarded(command: Sequence[str], grace_s: float) -> list[str]:
    """The command that runs another one under this program."""
    return [sys.executable, "-I", "-S", __file__, str(grace_s), *command]


def main(grace_s: float, command: list[str]) -> int:
    """Run the command to its end and return its exit status as a shell would give it."""
    # Other descriptors stay open on purpose: among them is the lock on the server's directory.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=LOG, stderr=LOG, close_fds=False)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    os.write(REPORT, b"%d\n" % server.pid)
    os.close(REPORT)
    threading.Thread(target=obey, args=(server, grace_s), daemon=True).start()
    status = server.wait()
    return status if status >= 0 else 128 - status


def obey(server: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Wait for the one order, or for the owner's end, and carry it out."""
    if os.read(LIFELINE, 1) != KILL:
        server.terminate()
        try:
            server.wait(grace_s)
        except subprocess.TimeoutExpired:
            pass
        else:
            return
    server.kill()


if __name__ == "__main__":
    # Not sys.exit: that would wait for the thread, which may still be reading.
    os._exit(main(float(sys.argv[1]), sys.argv[2:]))
